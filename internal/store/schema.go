package store

import "github.com/crosswalk-data/crosswalk/internal/database"

// migrations is the history of the schema. A released step is never changed.
var migrations = []database.Migration{
	{Name: "first tables", SQL: `
CREATE TABLE cw_counters (
	name  {text} PRIMARY KEY,
	value {int} NOT NULL
);
INSERT INTO cw_counters (name, value) VALUES ('run', 0);

CREATE TABLE cw_nodes (
	id      {text} PRIMARY KEY,
	home    {text} NOT NULL,
	seen_at {time} NOT NULL
);

CREATE TABLE cw_history (
	id    {text} PRIMARY KEY,
	moves {int} NOT NULL
);

CREATE TABLE cw_keys (
	id {text} PRIMARY KEY
);

CREATE TABLE cw_connections (
	id                {text} PRIMARY KEY,
	name              {text} NOT NULL,
	name_key          {text} NOT NULL UNIQUE,
	connector         {text} NOT NULL,
	environment_url   {text} NOT NULL,
	sign_in_mode      {text} NOT NULL DEFAULT 'user',
	client_id         {text} NOT NULL,
	secret            {bytes},
	secret_expires_at {time},
	certificate       {bytes},
	certificate_json  {text},
	claims            {text} NOT NULL DEFAULT '',
	status            {text} NOT NULL,
	status_cause      {text} NOT NULL DEFAULT '',
	status_hint       {text} NOT NULL DEFAULT '',
	failure_json      {text},
	organization_id   {text} NOT NULL DEFAULT '',
	organization_name {text} NOT NULL DEFAULT '',
	tenant_id         {text} NOT NULL DEFAULT '',
	grant_json        {text},
	tokens            {bytes},
	tokens_version    {int} NOT NULL DEFAULT 0,
	tokens_expire_at  {time},
	job_made          {bool} NOT NULL DEFAULT FALSE,
	created_at        {time} NOT NULL,
	updated_at        {time} NOT NULL
);

CREATE TABLE cw_sign_ins (
	state_hash    {bytes} PRIMARY KEY,
	connection_id {text} NOT NULL REFERENCES cw_connections (id) ON DELETE CASCADE,
	sealed        {bytes} NOT NULL,
	session_id    {text} NOT NULL,
	return_to     {text} NOT NULL,
	expires_at    {time} NOT NULL
);
CREATE INDEX cw_sign_ins_by_connection ON cw_sign_ins (connection_id);

CREATE TABLE cw_entities (
	connection_id {text} NOT NULL REFERENCES cw_connections (id) ON DELETE CASCADE,
	logical_name  {text} NOT NULL,
	display_name  {text} NOT NULL,
	entity_json   {text} NOT NULL,
	detail_json   {text},
	detailed_at   {time},
	listed_at     {time},
	PRIMARY KEY (connection_id, logical_name)
);

CREATE TABLE cw_one_stream (
	connection_id {text} NOT NULL REFERENCES cw_connections (id) ON DELETE CASCADE,
	entity        {text} NOT NULL,
	why           {text} NOT NULL,
	at            {time} NOT NULL,
	PRIMARY KEY (connection_id, entity)
);

CREATE TABLE cw_jobs (
	id             {text} PRIMARY KEY,
	name           {text} NOT NULL,
	name_key       {text} NOT NULL UNIQUE,
	connection_id  {text} NOT NULL REFERENCES cw_connections (id) ON DELETE CASCADE,
	entity         {text} NOT NULL,
	object         {text} NOT NULL,
	operation      {text} NOT NULL,
	load_mode      {text} NOT NULL,
	mapping_json   {text} NOT NULL,
	filter_json    {text} NOT NULL,
	deletes_json   {text} NOT NULL DEFAULT '{}',
	limit_json     {text} NOT NULL DEFAULT '{}',
	position_json  {text} NOT NULL DEFAULT '',
	out_of_the_box {bool} NOT NULL DEFAULT FALSE,
	version        {int} NOT NULL,
	created_at     {time} NOT NULL,
	updated_at     {time} NOT NULL
);
CREATE INDEX cw_jobs_by_connection ON cw_jobs (connection_id);

CREATE TABLE cw_runs (
	id              {text} PRIMARY KEY,
	number          {int} NOT NULL UNIQUE,
	job_id          {text} NOT NULL REFERENCES cw_jobs (id) ON DELETE CASCADE,
	job_name        {text} NOT NULL,
	connection_id   {text} NOT NULL,
	connection_name {text} NOT NULL,
	entity          {text} NOT NULL,
	object          {text} NOT NULL,
	status          {text} NOT NULL,
	message         {text} NOT NULL DEFAULT '',
	hint            {text} NOT NULL DEFAULT '',
	warnings_json   {text} NOT NULL DEFAULT '',
	records_read    {int} NOT NULL DEFAULT 0,
	inserted        {int} NOT NULL DEFAULT 0,
	updated         {int} NOT NULL DEFAULT 0,
	unchanged       {int} NOT NULL DEFAULT 0,
	rejected        {int} NOT NULL DEFAULT 0,
	duplicates      {int} NOT NULL DEFAULT 0,
	skipped         {int} NOT NULL DEFAULT 0,
	deleted         {int} NOT NULL DEFAULT 0,
	pages           {int} NOT NULL DEFAULT 0,
	bytes           {int} NOT NULL DEFAULT 0,
	requests        {int} NOT NULL DEFAULT 0,
	throttled_ns    {int} NOT NULL DEFAULT 0,
	total           {int} NOT NULL DEFAULT -1,
	cancelling      {bool} NOT NULL DEFAULT FALSE,
	requested_by    {text} NOT NULL,
	scope_json      {text} NOT NULL DEFAULT '{}',
	job_json        {text} NOT NULL,
	reads           {text} NOT NULL DEFAULT '',
	step            {text} NOT NULL DEFAULT '',
	step_done       {int} NOT NULL DEFAULT 0,
	step_total      {int} NOT NULL DEFAULT 0,
	decision_json   {text} NOT NULL DEFAULT '',
	checkpoint_json {text} NOT NULL DEFAULT '{}',
	fence           {int} NOT NULL DEFAULT 0,
	node            {text} NOT NULL DEFAULT '',
	lost            {int} NOT NULL DEFAULT 0,
	paused_from     {time},
	paused_until    {time},
	queued_at       {time} NOT NULL,
	started_at      {time},
	held_at         {time},
	ended_at        {time},
	saved_at        {time} NOT NULL
);
CREATE INDEX cw_runs_by_job ON cw_runs (job_id, number);
CREATE INDEX cw_runs_by_connection ON cw_runs (connection_id, number);
CREATE INDEX cw_runs_by_status ON cw_runs (status, number);

CREATE TABLE cw_run_keys (
	run_id  {text} NOT NULL REFERENCES cw_runs (id) ON DELETE CASCADE,
	page    {int} NOT NULL,
	entries {bytes} NOT NULL,
	PRIMARY KEY (run_id, page)
);

CREATE TABLE cw_run_deletes (
	run_id    {text} NOT NULL REFERENCES cw_runs (id) ON DELETE CASCADE,
	source_id {text} NOT NULL,
	PRIMARY KEY (run_id, source_id)
);

CREATE TABLE cw_rejects (
	id        {id},
	run_id    {text} NOT NULL REFERENCES cw_runs (id) ON DELETE CASCADE,
	source_id {text} NOT NULL,
	field     {text} NOT NULL,
	code      {text} NOT NULL,
	message   {text} NOT NULL,
	value     {text} NOT NULL,
	record    {text} NOT NULL,
	at        {time} NOT NULL
);
CREATE INDEX cw_rejects_by_run ON cw_rejects (run_id, id);
CREATE INDEX cw_rejects_by_source ON cw_rejects (run_id, source_id);

CREATE TABLE cw_objects (
	name            {text} PRIMARY KEY,
	name_key        {text} NOT NULL UNIQUE,
	display_name    {text} NOT NULL,
	definition_json {text} NOT NULL,
	created_at      {time} NOT NULL
);

CREATE TABLE cw_users (
	id            {text} PRIMARY KEY,
	name          {text} NOT NULL,
	email         {text} NOT NULL,
	email_key     {text} NOT NULL UNIQUE,
	role          {text} NOT NULL,
	password_hash {text} NOT NULL,
	created_at    {time} NOT NULL
);

CREATE TABLE cw_sessions (
	token_hash {bytes} PRIMARY KEY,
	user_id    {text} NOT NULL REFERENCES cw_users (id) ON DELETE CASCADE,
	created_at {time} NOT NULL,
	expires_at {time} NOT NULL
);
CREATE INDEX cw_sessions_by_user ON cw_sessions (user_id);
CREATE INDEX cw_sessions_by_expiry ON cw_sessions (expires_at);

CREATE TABLE cw_api_tokens (
	token_hash {bytes} PRIMARY KEY,
	id         {text} NOT NULL UNIQUE,
	name       {text} NOT NULL UNIQUE,
	role       {text} NOT NULL,
	created_at {time} NOT NULL
);

CREATE TABLE cw_links (
	token_hash {bytes} PRIMARY KEY,
	created_at {time} NOT NULL,
	expires_at {time} NOT NULL
);

CREATE TABLE cw_events (
	id      {text} PRIMARY KEY,
	at      {time} NOT NULL,
	actor   {text} NOT NULL,
	action  {text} NOT NULL,
	subject {text} NOT NULL,
	detail  {text} NOT NULL,
	run_id  {text} NOT NULL DEFAULT '',
	run     {int} NOT NULL DEFAULT 0
);
`},
}
