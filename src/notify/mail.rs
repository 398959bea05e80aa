//! Mail, by SMTP.

use std::time::Duration;

use anyhow::Context;
use docent_core::config::{Smtp, SmtpTls};
use lettre::message::Mailbox;
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Tls, TlsParameters};
use lettre::{Address, AsyncSmtpTransport, AsyncTransport, Tokio1Executor};
use uuid::Uuid;

use super::{Message, NotifyError};

/// RFC 3834: so that nobody's absence is answered with a mail to docent.
const AUTO_SUBMITTED: HeaderName = HeaderName::new_from_ascii_str("Auto-Submitted");

pub(super) struct Mail {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
}

impl Mail {
    /// `None`: no mail server is configured.
    pub(super) fn new(settings: &Smtp, limit: Duration) -> anyhow::Result<Option<Self>> {
        if settings.host.is_empty() {
            return Ok(None);
        }
        let from = settings
            .from
            .parse()
            .with_context(|| format!("smtp.from = \"{}\" is not a mail address", settings.from))?;
        let parameters = || {
            TlsParameters::new(settings.host.clone())
                .with_context(|| format!("smtp.host = \"{}\" cannot be used", settings.host))
        };
        let (tls, usual_port) = match settings.tls {
            SmtpTls::Tls => (Tls::Wrapper(parameters()?), 465),
            SmtpTls::Starttls => (Tls::Required(parameters()?), 587),
            SmtpTls::None => (Tls::None, 25),
        };
        let port = if settings.port == 0 {
            usual_port
        } else {
            settings.port
        };
        let mut transport = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&settings.host)
            .port(port)
            .tls(tls)
            .timeout(Some(limit));
        if !settings.user.is_empty() {
            let password = settings.password.expose().to_owned();
            transport = transport.credentials(Credentials::new(settings.user.clone(), password));
        }
        Ok(Some(Self {
            transport: transport.build(),
            from,
        }))
    }

    /// The id makes a repeated mail the same one for programs that look at `Message-ID`.
    pub(super) async fn send(
        &self,
        to: &str,
        id: Uuid,
        message: &Message,
    ) -> Result<(), NotifyError> {
        let to: Address = to
            .parse()
            .map_err(|_| NotifyError::Refused(format!("{to} is not a mail address")))?;
        let domain = self.from.email.domain();
        let mail = lettre::Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(None, to))
            .subject(format!("[docent] {}", message.subject))
            .message_id(Some(format!("<{id}@{domain}>")))
            .raw_header(HeaderValue::new(
                AUTO_SUBMITTED,
                "auto-generated".to_owned(),
            ))
            .header(ContentType::TEXT_PLAIN)
            .body(message.text.clone())
            .map_err(|error| NotifyError::Refused(format!("no mail can be made of it: {error}")))?;
        match self.transport.send(mail).await {
            Ok(_) => Ok(()),
            Err(error) => {
                let reason = format!("the mail server: {}", with_cause(&error));
                Err(if error.is_permanent() {
                    NotifyError::Refused(reason)
                } else {
                    NotifyError::later(reason)
                })
            }
        }
    }
}

/// Whether a text is a mail address.
pub(super) fn is_address(text: &str) -> bool {
    text.parse::<Address>().is_ok()
}

fn with_cause(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}
