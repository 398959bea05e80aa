//! What no single setting can say of itself: settings that do not fit each other.

use super::{
    ANSWERS, ChatKind, Config, ConfigError, EmbeddingKind, RerankKind, SlackMode, SourceKind,
    utc_offset,
};
use crate::document::EVERYONE;

/// Refuses a configuration that could not work, or that would open docent wider than was meant.
pub(super) fn validate(config: &Config) -> Result<(), ConfigError> {
    check_access(config)?;
    check_oidc(config)?;
    check_models(config)?;
    check_rerank(config)?;
    check_limits(config)?;
    check_slack(config)?;
    super::alerts::check(config)?;
    super::traces::check(&config.traces)?;
    check_sources(config)
}

fn check_slack(config: &Config) -> Result<(), ConfigError> {
    let fail = |text: String| Err(ConfigError(text));
    let slack = &config.slack;
    if slack.max_answers == 0 {
        return fail("slack.max_answers must be at least 1".to_owned());
    }
    let sections = slack
        .channels
        .iter()
        .map(|(id, channel)| (format!("slack.channels.{id}"), channel))
        .chain([("slack.every_channel".to_owned(), &slack.every_channel)]);
    for (name, channel) in sections {
        if channel.groups.as_ref().is_some_and(Vec::is_empty) {
            return fail(format!(
                "{name}.groups is empty, so nothing could be read there; write [\"everyone\"] for what all may read"
            ));
        }
    }
    let known = |name: &String| config.sources.iter().any(|source| source.name == *name);
    for (id, channel) in &slack.channels {
        let unknown = channel.sources.iter().flatten().find(|name| !known(name));
        if let Some(unknown) = unknown {
            return fail(format!(
                "slack.channels.{id}.sources: no source is named \"{unknown}\""
            ));
        }
    }
    for name in slack.people.keys() {
        if !name.contains('@') {
            return fail(format!(
                "slack.people: \"{name}\" must be a mail address or a domain such as \"@example.com\""
            ));
        }
    }
    if !slack.is_configured() {
        return Ok(());
    }
    match slack.mode {
        SlackMode::Http if slack.signing_secret.is_empty() => fail(
            "slack.bot_token is set, so slack.signing_secret (SLACK_SIGNING_SECRET) is needed to tell Slack's requests from others'; or set slack.mode = \"socket\""
                .to_owned(),
        ),
        SlackMode::Socket if slack.app_token.is_empty() => fail(
            "slack.mode = \"socket\" needs slack.app_token (SLACK_APP_TOKEN), an app-level token with connections:write"
                .to_owned(),
        ),
        _ => Ok(()),
    }
}

fn check_access(config: &Config) -> Result<(), ConfigError> {
    let fail = |text: String| Err(ConfigError(text));
    let public = &config.server.public_url;
    if !(public.is_empty() || public.starts_with("http://") || public.starts_with("https://")) {
        return fail(format!(
            "server.public_url = \"{public}\" must start with http:// or https://"
        ));
    }
    if config.access.anonymous_groups.is_empty() {
        return fail(
            "access.anonymous_groups must name a group, for example \"everyone\"".to_owned(),
        );
    }
    if config.answers.groups.iter().any(|group| group == EVERYONE) {
        return fail(
            "answers.groups names \"everyone\", so anybody could write answers; name the groups of \
             those who answer for something"
                .to_owned(),
        );
    }
    for origin in &config.widget.allowed_origins {
        // What a browser sends: scheme, host and port, nothing behind.
        let rest = origin
            .strip_prefix("https://")
            .or_else(|| origin.strip_prefix("http://"));
        let exact = rest.is_some_and(|rest| {
            !rest.is_empty()
                && !rest.contains(['/', '*', '?', '#', '@', ' '])
                && *rest == rest.to_lowercase()
        });
        if !exact {
            return fail(format!(
                "widget.allowed_origins: \"{origin}\" must be an exact origin such as \"https://wiki.example.com\""
            ));
        }
    }
    for (name, secret) in [
        ("access.signing_key", &config.access.signing_key),
        ("widget.user_secret", &config.widget.user_secret),
    ] {
        if !secret.is_empty() && secret.expose().len() < 32 {
            return fail(format!(
                "{name} must have at least 32 characters, for example from `openssl rand -hex 32`"
            ));
        }
    }
    Ok(())
}

fn check_oidc(config: &Config) -> Result<(), ConfigError> {
    let oidc = &config.oidc;
    if !oidc.is_configured() {
        return Ok(());
    }
    let fail = |text: String| Err(ConfigError(text));
    let host = |scheme| oidc.issuer.strip_prefix(scheme);
    // Tokens and the client's secret go there.
    let is_local = host("http://").is_some_and(|host| {
        ["127.0.0.1", "localhost", "[::1]"]
            .iter()
            .any(|local| host == *local || host.starts_with(&format!("{local}:")))
    });
    if host("https://").is_none() && !is_local {
        return fail(format!(
            "oidc.issuer = \"{}\" must start with https:// (http:// is for this machine alone)",
            oidc.issuer
        ));
    }
    if oidc.client_id.is_empty() {
        return fail(
            "oidc.issuer needs oidc.client_id, which the identity provider gave docent".to_owned(),
        );
    }
    if !(1..=720).contains(&oidc.session_hours) {
        return fail(format!(
            "oidc.session_hours = {} must be from 1 to 720",
            oidc.session_hours
        ));
    }
    if config.server.public_url.is_empty() && !config.server.is_loopback() {
        return fail(
            "signing in needs server.public_url, the address that the identity provider sends people \
             back to"
                .to_owned(),
        );
    }
    Ok(())
}

fn check_models(config: &Config) -> Result<(), ConfigError> {
    let fail = |text: String| Err(ConfigError(text));
    for (name, url) in [
        ("embedding.base_url", &config.embedding.base_url),
        ("chat.base_url", &config.chat.base_url),
        ("rerank.base_url", &config.rerank.base_url),
        ("index.qdrant_url", &config.index.qdrant_url),
        ("slack.api_url", &config.slack.api_url),
    ] {
        if !(url.is_empty() || url.starts_with("http://") || url.starts_with("https://")) {
            return fail(format!(
                "{name} = \"{url}\" must start with http:// or https://"
            ));
        }
    }
    if config.embedding.kind == EmbeddingKind::OpenAi
        && config.embedding.base_url.is_empty()
        && config.embedding.api_key.is_empty()
    {
        return fail(
            "embedding.kind = \"openai\" needs embedding.base_url or a key (OPENAI_API_KEY)"
                .to_owned(),
        );
    }
    if config.chat.kind == ChatKind::OpenAi
        && config.chat.base_url.is_empty()
        && config.chat.api_key.is_empty()
    {
        return fail(
            "chat.kind = \"openai\" needs chat.base_url or a key (OPENAI_API_KEY)".to_owned(),
        );
    }
    if let Some((model, _)) = config
        .prices
        .iter()
        .find(|(_, price)| price.input.is_none() && price.searches.is_none())
    {
        return fail(format!(
            "prices.\"{model}\" needs `input` (dollars for a million tokens) or `searches` (for a thousand searches)"
        ));
    }
    Ok(())
}

fn check_limits(config: &Config) -> Result<(), ConfigError> {
    let fail = |text: String| Err(ConfigError(text));
    if !(0.0..=1.0).contains(&config.grounding.min_words) {
        return fail(format!(
            "grounding.min_words = {} must be a share, from 0 to 1",
            config.grounding.min_words
        ));
    }
    if !(0.0..=1.0).contains(&config.answers.min_match) {
        return fail(format!(
            "answers.min_match = {} must be a share, from 0 to 1",
            config.answers.min_match
        ));
    }
    if config.chunk.max_tokens < 32 {
        return fail("chunk.max_tokens must be at least 32".to_owned());
    }
    if config.chunk.overlap_tokens * 2 > config.chunk.max_tokens {
        return fail("chunk.overlap_tokens must be at most half of chunk.max_tokens".to_owned());
    }
    let at_least_one = [
        ("embedding.batch_texts", config.embedding.batch_texts),
        ("embedding.batch_tokens", config.embedding.batch_tokens),
        ("embedding.concurrency", config.embedding.concurrency),
        (
            "embedding.max_input_tokens",
            config.embedding.max_input_tokens,
        ),
        ("clean.part_tokens", config.clean.part_tokens),
        ("clean.concurrency", config.clean.concurrency),
        ("retrieval.candidates", config.retrieval.candidates),
        ("retrieval.passages", config.retrieval.passages),
        ("rerank.candidates", config.rerank.candidates),
        ("rerank.timeout_ms", config.rerank.timeout_ms as usize),
        ("server.max_answers", config.server.max_answers),
        (
            "ledger.max_connections",
            config.ledger.max_connections as usize,
        ),
    ];
    for (name, value) in at_least_one {
        if value == 0 {
            return fail(format!("{name} must be at least 1"));
        }
    }
    let of_slack = (
        "slack.channel_limit".to_owned(),
        &config.slack.channel_limit,
    );
    for (name, limit) in config.limits.named().chain([of_slack]) {
        if limit.usd_per_day.is_sign_negative() && !limit.usd_per_day.is_zero() {
            return fail(format!(
                "{name}.usd_per_day must not be negative; 0 means no limit"
            ));
        }
        let model = &config.chat.model;
        let is_priced = model.is_empty() || config.prices.contains_key(model);
        if !limit.usd_per_day.is_zero() && config.chat.kind == ChatKind::OpenAi && !is_priced {
            return fail(format!(
                "{name}.usd_per_day: what \"{model}\" costs is not known, so dollars cannot limit it; \
                 add it to [prices], or set tokens_per_day"
            ));
        }
    }
    for (name, limit) in [
        ("budget.ingest_run_usd", config.budget.ingest_run_usd),
        ("budget.ingest_month_usd", config.budget.ingest_month_usd),
    ] {
        if limit.is_sign_negative() && !limit.is_zero() {
            return fail(format!(
                "{name} = {limit} must not be negative; 0 means no limit"
            ));
        }
    }
    let offset = &config.ingest.schedule_offset;
    if utc_offset(offset).is_none() {
        return fail(format!(
            "ingest.schedule_offset = \"{offset}\" must be \"UTC\" or a fixed offset such as \"+09:00\""
        ));
    }
    Ok(())
}

fn check_sources(config: &Config) -> Result<(), ConfigError> {
    let fail = |text: String| Err(ConfigError(text));
    let mut names = std::collections::BTreeSet::new();
    for source in &config.sources {
        let fits = |c: char| c.is_alphanumeric() || "-_.".contains(c);
        // Names are folders of the cache as well: none may be `..`.
        let is_dots = source.name.chars().all(|c| c == '.');
        if is_dots || !source.name.chars().all(fits) {
            return fail(format!(
                "source.name = \"{}\" may have letters, digits, `-`, `_` and `.` only",
                source.name
            ));
        }
        if source.name == ANSWERS {
            return fail(format!(
                "source.name = \"{ANSWERS}\" is what docent calls its curated answers; choose another name"
            ));
        }
        if !names.insert(&source.name) {
            return fail(format!("two sources are named \"{}\"", source.name));
        }
        let writes_itself = matches!(source.kind, SourceKind::Dbt(_) | SourceKind::Contracts(_));
        if source.clean.is_some() && writes_itself {
            return fail(format!(
                "source \"{}\": docent writes the documents of a {} source itself, there is nothing to clean; leave `clean` out",
                source.name,
                source.kind.name()
            ));
        }
        if source.groups.is_empty() {
            return fail(format!(
                "source \"{}\": groups is empty, so nobody could read it; write [\"everyone\"] if all may",
                source.name
            ));
        }
    }
    Ok(())
}

fn check_rerank(config: &Config) -> Result<(), ConfigError> {
    let rerank = &config.rerank;
    let missing = match rerank.kind {
        RerankKind::None => None,
        RerankKind::Tei => rerank
            .base_url
            .is_empty()
            .then_some("rerank.kind = \"tei\" needs rerank.base_url, for example http://localhost:8080"),
        RerankKind::Cohere | RerankKind::Jina if rerank.model.is_empty() => {
            Some("rerank.model must name the model, for example \"rerank-v3.5\"")
        }
        RerankKind::Cohere | RerankKind::Jina => (rerank.base_url.is_empty()
            && rerank.api_key.is_empty())
        .then_some("rerank.kind = \"cohere\" and \"jina\" need rerank.api_key, or the base_url of another server"),
    };
    missing.map_or(Ok(()), |text| Err(ConfigError(text.to_owned())))
}
