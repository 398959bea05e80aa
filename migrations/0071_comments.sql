-- Every column of the documented views says what it is: tools that read comments (Metabase, dbt's docs)
-- show it, and deploy/dbt/sources.yml has the same words.

COMMENT ON COLUMN report_alerts.id IS 'As in alert';
COMMENT ON COLUMN report_alerts.fired_at IS 'When docent noticed it';
COMMENT ON COLUMN report_alerts.last_seen IS 'When docent last found it still so';
COMMENT ON COLUMN report_alerts.resolved_at IS 'When it was found to be over; NULL: it is not';
COMMENT ON COLUMN report_alerts.title IS 'What happened, in a line';
COMMENT ON COLUMN report_alerts.what IS 'The figures or the reason behind it';
COMMENT ON COLUMN report_alerts.acted_at IS 'When it was acknowledged or muted';
COMMENT ON COLUMN report_notices.id IS 'In mails it is in Message-ID, at the webhook in the header docent-notice';
COMMENT ON COLUMN report_notices.made_at IS 'When it was written down to be sent';
COMMENT ON COLUMN report_notices.recipient IS 'mail:ADDRESS, slack:CHANNEL or webhook';
COMMENT ON COLUMN report_notices.attempts IS 'How often its delivery was tried';
COMMENT ON COLUMN report_notices.error IS 'Why the last attempt failed';
COMMENT ON COLUMN report_notices.sent_at IS 'When it was delivered';

COMMENT ON COLUMN report_cost.purpose IS 'As model_call.purpose: embed_passages, clean, embed_question, condense, expand, rerank, answer, judge';
COMMENT ON COLUMN report_cost.model IS 'The model that was called';
COMMENT ON COLUMN report_cost.day IS 'Day (UTC) of the call';
COMMENT ON COLUMN report_cost.calls IS 'Attempts, failed ones too';
COMMENT ON COLUMN report_cost.input_tokens IS 'Tokens sent, cached ones included; NULL where nothing was used';
COMMENT ON COLUMN report_cost.cached_tokens IS 'Those of them that the provider had cached';
COMMENT ON COLUMN report_cost.output_tokens IS 'Tokens got';

COMMENT ON COLUMN report_feedback.interaction_id IS 'The rated answer, as report_interactions.id';
COMMENT ON COLUMN report_feedback.channel IS 'web, widget, api, terminal and so on';
COMMENT ON COLUMN report_feedback.outcome IS 'Of the rated question: answered, abstained, failed, cancelled';
COMMENT ON COLUMN report_feedback.question_key IS 'As report_interactions.question_key';

COMMENT ON COLUMN report_ingest.id IS 'The run; one over three sources has three rows';
COMMENT ON COLUMN report_ingest.source IS 'The source that it ran over';
COMMENT ON COLUMN report_ingest.started_at IS 'When it began with this source';
COMMENT ON COLUMN report_ingest.finished_at IS 'When it was done with this source; NULL: it runs, or was killed';
COMMENT ON COLUMN report_ingest.seconds IS 'How long this source took';
COMMENT ON COLUMN report_ingest.outcome IS 'running, done, done_with_failures, failed';
COMMENT ON COLUMN report_ingest.indexed IS 'Documents that were new or had changed';
COMMENT ON COLUMN report_ingest.unchanged IS 'Documents that were as before';
COMMENT ON COLUMN report_ingest.removed IS 'Documents that were taken out, because they are gone from the source';
COMMENT ON COLUMN report_ingest.held_back IS 'Documents that are gone and were kept, because that looks like a fault';
COMMENT ON COLUMN report_ingest.skipped IS 'Documents that are of no kind that docent reads, or too large, or withdrawn';
COMMENT ON COLUMN report_ingest.failed IS 'Documents that could not be read or indexed';
COMMENT ON COLUMN report_ingest.chunks_embedded IS 'Chunks whose vector was paid for';
COMMENT ON COLUMN report_ingest.chunks_reused IS 'Chunks whose vector was there already';
COMMENT ON COLUMN report_ingest.tokens IS 'Tokens that were embedded';
COMMENT ON COLUMN report_ingest.cost IS 'US dollars, of embedding and cleaning; NULL where a model has no configured price';
COMMENT ON COLUMN report_ingest.problems IS 'The first documents that were skipped or failed: [{path, outcome, reason}]; without a path, of the source as a whole';

COMMENT ON COLUMN report_interactions.at IS 'When the question was answered';
COMMENT ON COLUMN report_interactions.conversation_id IS 'Questions of one conversation share it';
COMMENT ON COLUMN report_interactions.channel IS 'web, widget, api, terminal and so on';
COMMENT ON COLUMN report_interactions.team IS 'The first of the caller''s groups that insights.teams names';
COMMENT ON COLUMN report_interactions.language IS 'Of the question: en, ko; NULL where it was not noted';
COMMENT ON COLUMN report_interactions.source IS 'Source of the first document cited, or, where none is, of the nearest one found';
COMMENT ON COLUMN report_interactions.asset IS 'Data product that the same document describes';
COMMENT ON COLUMN report_interactions.owner IS 'Who owns the same document';
COMMENT ON COLUMN report_interactions.outcome IS 'answered, abstained, failed, cancelled';
COMMENT ON COLUMN report_interactions.generator IS 'model or extractive; NULL where there is no answer';
COMMENT ON COLUMN report_interactions.fallback_reason IS 'Why the model''s answer was not used, where it was not';
COMMENT ON COLUMN report_interactions.retrieve_ms IS 'Milliseconds until the passages were found';
COMMENT ON COLUMN report_interactions.first_token_ms IS 'Milliseconds until the first word; NULL where there was none';
COMMENT ON COLUMN report_interactions.total_ms IS 'Milliseconds until the end';
COMMENT ON COLUMN report_interactions.checked IS 'Sentences of the answer that were checked against the passages';
COMMENT ON COLUMN report_interactions.unverified IS 'Those of them that no passage says';

COMMENT ON COLUMN report_old_documents.source IS 'Source of the document';
COMMENT ON COLUMN report_old_documents.asset IS 'Data product that the document describes; empty where it describes none';
COMMENT ON COLUMN report_old_documents.document_id IS 'As in document and passage';
COMMENT ON COLUMN report_old_documents.path IS 'Relative to the source';
COMMENT ON COLUMN report_old_documents.title IS 'As it was last cited';
COMMENT ON COLUMN report_old_documents.owner IS 'Who owns the document, as it was last cited';

COMMENT ON COLUMN report_page_views.day IS 'Day (UTC) of the views';
COMMENT ON COLUMN report_page_views.views IS 'How often it was looked at';
COMMENT ON COLUMN report_page_views.people IS 'By how many callers';
COMMENT ON COLUMN report_page_views.slowest_ms IS 'Milliseconds that the slowest one took to make';

COMMENT ON COLUMN report_questions.day IS 'Day (UTC) of the question';
COMMENT ON COLUMN report_questions.channel IS 'web, widget, api, terminal and so on';
COMMENT ON COLUMN report_questions.origin IS 'person, evaluation, demo or re_ask; only person counts as use';
COMMENT ON COLUMN report_questions.outcome IS 'answered, abstained, failed, cancelled';
COMMENT ON COLUMN report_questions.generator IS 'model or extractive; empty where there was no answer';
COMMENT ON COLUMN report_questions.questions IS 'How many';
COMMENT ON COLUMN report_questions.total_ms IS 'Milliseconds from question to end, added up';
COMMENT ON COLUMN report_questions.checked IS 'Sentences of answers that were checked against their passages';
COMMENT ON COLUMN report_questions.unverified IS 'Those of them that no passage says';

COMMENT ON COLUMN report_sources.source IS 'As the configuration names it';
COMMENT ON COLUMN report_sources.kind IS 'folder, git, website, confluence, slack, dbt, contracts and so on';
COMMENT ON COLUMN report_sources.first_run_at IS 'When it was first ingested';
COMMENT ON COLUMN report_sources.last_run_at IS 'When a run over it last began';
COMMENT ON COLUMN report_sources.last_run IS 'Id of the last run';
