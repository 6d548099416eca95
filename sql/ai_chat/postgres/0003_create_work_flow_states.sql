-- Create work_flow_states: the states that a work has gone through, one row a change
--
-- A new table and its indexes; nothing that is there is changed, and no other table is locked.
--
-- work_id leads to no table here: works are kept elsewhere. previous_state is free text, as an older program may name
-- states that chk_current_state does not know any more.
--
-- By hand: psql -v ON_ERROR_STOP=1 -1 -f FILE. The verify file takes no part then; ask its requires before.
CREATE TABLE work_flow_states (
    id                SERIAL PRIMARY KEY,
    work_id           VARCHAR(50) NOT NULL,
    current_state     VARCHAR(50) NOT NULL
        CONSTRAINT chk_current_state CHECK (
            current_state IN (
                'CREATED', 'PLANNING', 'MODELING', 'CODING', 'EXECUTING',
                'ANALYZING', 'WRITING', 'REVIEWING', 'COMPLETED', 'ARCHIVED'
            )
        ),
    previous_state    VARCHAR(50),
    state_data        JSONB,
    transition_reason TEXT,
    created_at        TIMESTAMPTZ DEFAULT NOW()
);

CREATE INDEX idx_work_flow_states_work_id ON work_flow_states (work_id);
CREATE INDEX idx_work_flow_states_current_state ON work_flow_states (current_state);
