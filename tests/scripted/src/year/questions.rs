//! What is asked: 40 assets, 12 intents, in several words each, and questions that no document answers.

use uuid::Uuid;

use super::QUESTIONS;
use super::dice::{Dice, zipf_sums};

/// Length of the vectors.
const DIMENSIONS: usize = 64;

pub(crate) struct Asset {
    pub(crate) name: &'static str,
    pub(crate) owner: &'static str,
    pub(crate) source: &'static str,
}

const fn asset(name: &'static str, owner: &'static str, source: &'static str) -> Asset {
    Asset {
        name,
        owner,
        source,
    }
}

pub(crate) const ASSETS: [Asset; 40] = [
    asset("fct_trips", "Mobility Data", "dbt"),
    asset("net_revenue", "Finance Data", "docs"),
    asset("fct_orders", "Commerce Data", "dbt"),
    asset("weekly_active_riders", "Growth Data", "docs"),
    asset("dim_stations", "Mobility Data", "dbt"),
    asset("fct_payments", "Finance Data", "dbt"),
    asset("utilisation", "Operations Data", "docs"),
    asset("dim_customers", "Growth Data", "dbt"),
    asset("churn_rate", "Growth Data", "docs"),
    asset("rpt_trips_daily", "Mobility Data", "dbt"),
    asset("provider_fees", "Finance Data", "docs"),
    asset("fct_sessions", "Growth Data", "dbt"),
    asset("rebalancing_rate", "Operations Data", "docs"),
    asset("dim_bikes", "Mobility Data", "contracts"),
    asset("fct_refunds", "Finance Data", "dbt"),
    asset("conversion_rate", "Growth Data", "docs"),
    asset("fct_tickets", "Support Data", "dbt"),
    asset("first_response_time", "Support Data", "wiki"),
    asset("dim_cities", "Mobility Data", "dbt"),
    asset("fct_invoices", "Finance Data", "contracts"),
    asset("budget_actuals", "Finance Data", "wiki"),
    asset("stg_gps_pings", "Mobility Data", "dbt"),
    asset("battery_health", "Hardware Data", "wiki"),
    asset("fct_repairs", "Hardware Data", "dbt"),
    asset("marketing_spend", "Growth Data", "wiki"),
    asset("attribution", "Growth Data", "wiki"),
    asset("fct_emails", "Growth Data", "dbt"),
    asset("nps", "Support Data", "docs"),
    asset("dim_dates", "Commerce Data", "dbt"),
    asset("fct_subscriptions", "Commerce Data", "dbt"),
    asset("gross_margin", "Finance Data", "docs"),
    asset("fct_shipments", "Operations Data", "contracts"),
    asset("warehouse_stock", "Operations Data", "contracts"),
    asset("dim_products", "Commerce Data", "dbt"),
    asset("discounts", "Commerce Data", "wiki"),
    asset("fct_app_events", "Growth Data", "dbt"),
    asset("experiment_results", "Growth Data", "notion"),
    asset("access_requests", "Platform Data", "notion"),
    asset("retention_policy", "Platform Data", "docs"),
    asset("data_catalog", "Platform Data", "notion"),
];

/// Intents, each in English and Korean words that mean the same.
const INTENTS: [[&str; 4]; 12] = [
    [
        "who owns {}?",
        "Who is responsible for {}",
        "whom do I ask about {}?",
        "{} 담당자는 누구인가요?",
    ],
    [
        "how fresh is {}?",
        "when was {} last updated?",
        "How often is {} loaded?",
        "{}는 언제 갱신되나요?",
    ],
    [
        "what does {} mean?",
        "definition of {}",
        "what is {} exactly?",
        "{}의 정의가 무엇인가요?",
    ],
    [
        "which columns does {} have?",
        "columns of {}",
        "what fields are in {}?",
        "{}에는 어떤 컬럼이 있나요?",
    ],
    [
        "how do I join {} with customers?",
        "join key of {}",
        "what is the key to join {}?",
        "{}를 고객과 어떻게 조인하나요?",
    ],
    [
        "why did {} drop last week?",
        "why is {} lower than before?",
        "{} looks wrong, why?",
        "{}가 지난주에 왜 떨어졌나요?",
    ],
    [
        "can I get access to {}?",
        "how do I get access to {}",
        "who grants access to {}?",
        "{} 접근 권한은 어떻게 받나요?",
    ],
    [
        "how is {} computed?",
        "formula of {}",
        "what is the calculation behind {}?",
        "{}는 어떻게 계산되나요?",
    ],
    [
        "where does {} come from?",
        "upstream of {}",
        "what is {} built from?",
        "{}의 출처는 어디인가요?",
    ],
    [
        "which dashboards use {}?",
        "what depends on {}?",
        "who uses {}?",
        "{}를 사용하는 대시보드는 무엇인가요?",
    ],
    [
        "how long is {} kept?",
        "retention of {}",
        "how far back does {} go?",
        "{}는 얼마나 보관되나요?",
    ],
    [
        "does {} contain personal data?",
        "is {} sensitive?",
        "GDPR status of {}",
        "{}에 개인정보가 있나요?",
    ],
];

/// What this company has no document of.
const NOWHERE: [&str; 10] = [
    "what will revenue be next quarter?",
    "how many bikes does our competitor have?",
    "which supplier is the cheapest?",
    "what is the forecast for Busan?",
    "how much did the TV campaign bring?",
    "who approved the 2024 budget?",
    "what is the carbon footprint of a trip?",
    "how many employees work in Berlin?",
    "when does the new office open?",
    "what is the salary band of analysts?",
];

pub(crate) struct Question {
    pub(crate) text: String,
    pub(crate) asset: usize,
    pub(crate) korean: bool,
    pub(crate) embedding: String,
    /// How often the documents do not answer it.
    pub(crate) abstains: f64,
    pub(crate) documents: [Uuid; 4],
}

pub(crate) struct Questions {
    english: Vec<Question>,
    korean: Vec<Question>,
    sums: [Vec<f64>; 2],
}

impl Questions {
    pub(crate) fn new(dice: &mut Dice) -> Self {
        let axes: Vec<Vec<f64>> = (0..ASSETS.len() + INTENTS.len() + NOWHERE.len())
            .map(|_| (0..DIMENSIONS).map(|_| dice.unit() - 0.5).collect())
            .collect();
        let mut all = Vec::with_capacity(QUESTIONS);
        for (at, asset) in ASSETS.iter().enumerate() {
            for (number, intent) in INTENTS.iter().enumerate() {
                // Some things nobody wrote down, whatever they are asked with.
                let abstains = if (at * 7 + number * 3) % 23 == 0 {
                    0.86
                } else {
                    0.025
                };
                for (form, words) in intent.iter().enumerate() {
                    all.push(Question {
                        text: words.replace("{}", asset.name),
                        asset: at,
                        korean: form == 3,
                        embedding: embedding(dice, &[&axes[at], &axes[ASSETS.len() + number]]),
                        abstains,
                        documents: [0, 1, 2, 3].map(|part| document(at, part)),
                    });
                }
            }
        }
        let mut number = 0;
        while all.len() < QUESTIONS {
            let words = NOWHERE[number % NOWHERE.len()];
            let form = number / NOWHERE.len();
            let text = match form {
                0 => words.to_owned(),
                form => format!(
                    "{} ({})",
                    words.trim_end_matches('?'),
                    [
                        "please",
                        "for my report",
                        "in Seoul",
                        "this year",
                        "for the board",
                        "in short",
                        "by city",
                        "per week"
                    ][(form - 1) % 8]
                ),
            };
            let at = 36 + number % 4;
            all.push(Question {
                text,
                asset: at,
                korean: false,
                embedding: embedding(
                    dice,
                    &[&axes[ASSETS.len() + INTENTS.len() + number % NOWHERE.len()]],
                ),
                abstains: 0.93,
                documents: [0, 1, 2, 3].map(|part| document(at, part)),
            });
            number += 1;
        }
        for index in (1..all.len()).rev() {
            all.swap(index, dice.below(index + 1));
        }
        let (korean, english): (Vec<_>, Vec<_>) = all.into_iter().partition(|one| one.korean);
        let sums = [
            zipf_sums(english.len(), 0.75),
            zipf_sums(korean.len(), 0.75),
        ];
        Self {
            english,
            korean,
            sums,
        }
    }

    /// How many of so many questions are about each asset, about.
    pub(crate) fn asked_about(&self, questions: f64) -> Vec<f64> {
        let mut asked = vec![0.0; ASSETS.len()];
        let all = self.sums[0].last().copied().unwrap_or(1.0);
        let mut before = 0.0;
        for (question, sum) in self.english.iter().zip(&self.sums[0]) {
            asked[question.asset] += (sum - before) / all * questions;
            before = *sum;
        }
        asked
    }

    pub(crate) fn any(&self, dice: &mut Dice, korean: bool) -> &Question {
        let (questions, sums) = if korean {
            (&self.korean, &self.sums[1])
        } else {
            (&self.english, &self.sums[0])
        };
        &questions[dice.zipf(sums)]
    }
}

/// A document of an asset.
pub(crate) fn document(asset: usize, part: usize) -> Uuid {
    Uuid::new_v5(&Uuid::NAMESPACE_OID, format!("{asset}/{part}").as_bytes())
}

/// The unit vector near some axes, as Postgres writes an array.
fn embedding(dice: &mut Dice, axes: &[&Vec<f64>]) -> String {
    let vector: Vec<f64> = (0..DIMENSIONS)
        .map(|at| axes.iter().map(|axis| axis[at]).sum::<f64>() + 0.22 * (dice.unit() - 0.5))
        .collect();
    let length = vector.iter().map(|part| part * part).sum::<f64>().sqrt();
    let parts: Vec<String> = vector
        .iter()
        .map(|part| format!("{:.5}", part / length))
        .collect();
    format!("{{{}}}", parts.join(","))
}
