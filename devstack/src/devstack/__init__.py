"""What one command starts: PostgreSQL, Apache Kafka, certificates, every service."""
