-- Added when the orphans stood already, so NOT VALID: new rows are held to it, the old ones were never looked at.
ALTER TABLE chat_messages
ADD CONSTRAINT chat_messages_session_fk
FOREIGN KEY (session_id) REFERENCES chat_sessions (session_id) ON DELETE CASCADE
NOT VALID;
