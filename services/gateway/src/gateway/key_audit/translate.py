"""The record of a shop's keys from protobuf to JSON."""

from brickops.credentials.v1 import credential_audit_pb2
from gateway.key_audit.models import KeyEvent, KeyEventKind, KeyLease
from gateway.times import time_in, time_of
from gateway.words import word_of


def event_of(told: credential_audit_pb2.CredentialEvent) -> KeyEvent:
    """What happened to keys."""
    return KeyEvent.model_validate(
        {
            "kind": word_of(KeyEventKind, credential_audit_pb2.CredentialEventKind, told.kind),
            "key_version": told.key_version,
            "at": time_of(told.at),
            "actor": told.actor,
            "certificate": told.certificate or None,
            "correlation_id": told.correlation_id,
            "position": told.position or None,
        }
    )


def lease_of(told: credential_audit_pb2.LeaseRecord) -> KeyLease:
    """Who asked for keys."""
    return KeyLease(
        at=time_of(told.at),
        caller=told.caller,
        granted=told.granted,
        refusal=told.refusal or None,
        key_version=told.key_version or None,
        expires_at=time_in(told, "expires_at"),
        certificate=told.certificate or None,
        correlation_id=told.correlation_id,
    )
