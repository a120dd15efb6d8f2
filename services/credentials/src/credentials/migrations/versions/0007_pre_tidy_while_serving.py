"""Let the role that serves keep the log of leases by months, and forget old requests: nobody need remember to.

It owns no table, so it asks a function of the owner's, which by the database's own clock drops no month that ended less
than 90 days ago, whoever asks.
"""

from alembic import op

revision = "0007"
down_revision = "0006"

APP_ROLE = "credentials"


def upgrade() -> None:
    op.execute(f"GRANT DELETE ON requests TO {APP_ROLE}")
    op.execute(_MONTHS_OF_LEASES)
    op.execute(_KEEP_LEASE_LOG)
    op.execute("REVOKE ALL ON FUNCTION keep_lease_log FROM PUBLIC")
    op.execute(f"GRANT EXECUTE ON FUNCTION keep_lease_log TO {APP_ROLE}")


_MONTHS_OF_LEASES = """
    CREATE FUNCTION months_of_leases() RETURNS SETOF timestamptz LANGUAGE sql STABLE SET timezone = 'UTC' AS $$
        SELECT to_timestamp(right(relname, 7), 'YYYY_MM') FROM pg_inherits JOIN pg_class ON oid = inhrelid
        WHERE inhparent = 'lease_log'::regclass AND relname ~ '^lease_log_[0-9]{4}_[0-9]{2}$'
    $$
"""

_KEEP_LEASE_LOG = """
    CREATE FUNCTION keep_lease_log(kept_for interval, OUT made text[], OUT dropped text[])
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp SET timezone = 'UTC' SET lock_timeout = '10s' AS $$
    DECLARE
        this_month timestamptz := date_trunc('month', clock_timestamp());
        ahead timestamptz[] := ARRAY[this_month, this_month + interval '1 month', this_month + interval '2 months'];
        kept_since timestamptz := clock_timestamp() - kept_for;
        rest timestamptz[];
        month timestamptz;
    BEGIN
        IF kept_for < interval '90 days' THEN
            RAISE EXCEPTION 'the log of leases is kept for 90 days at least';
        END IF;
        made := '{}';
        dropped := '{}';
        IF NOT EXISTS (SELECT FROM lease_log_rest)
            AND ahead <@ ARRAY(SELECT months_of_leases())
            AND NOT EXISTS (SELECT FROM months_of_leases() AS old WHERE old + interval '1 month' <= kept_since)
        THEN
            RETURN;
        END IF;
        LOCK TABLE lease_log IN ACCESS EXCLUSIVE MODE;
        rest := ARRAY(SELECT DISTINCT date_trunc('month', at) FROM lease_log_rest);
        IF rest <> '{}' THEN
            ALTER TABLE lease_log DETACH PARTITION lease_log_rest;
            ALTER TABLE lease_log_rest RENAME TO lease_log_moving;
            CREATE TABLE lease_log_rest PARTITION OF lease_log DEFAULT;
            CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON lease_log_rest
                FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
        END IF;
        FOR month IN
            SELECT wanted FROM unnest(rest || ahead) AS wanted EXCEPT SELECT months_of_leases() ORDER BY 1
        LOOP
            EXECUTE format(
                'CREATE TABLE %I PARTITION OF lease_log FOR VALUES FROM (%L) TO (%L)',
                'lease_log_' || to_char(month, 'YYYY_MM'), month, month + interval '1 month'
            );
            EXECUTE format(
                'CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON %I'
                ' FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()',
                'lease_log_' || to_char(month, 'YYYY_MM')  -- a trigger of the whole does not see a part's statements
            );
            made := made || to_char(month, 'YYYY_MM');
        END LOOP;
        IF rest <> '{}' THEN
            EXECUTE 'INSERT INTO lease_log SELECT * FROM lease_log_moving';
            EXECUTE 'DROP TABLE lease_log_moving';
        END IF;
        FOREACH month IN ARRAY ARRAY(
            SELECT old FROM months_of_leases() AS old WHERE old + interval '1 month' <= kept_since ORDER BY 1
        ) LOOP
            EXECUTE format('DROP TABLE %I', 'lease_log_' || to_char(month, 'YYYY_MM'));
            dropped := dropped || to_char(month, 'YYYY_MM');
        END LOOP;
    END
    $$
"""
