"""Plain values as `google.protobuf.Value`, and back."""

from google.protobuf.struct_pb2 import NullValue, Value

Plain = str | int | bool | None


def value_to_proto(value: Plain) -> Value:
    """A value for the wire."""
    match value:
        case None:
            return Value(null_value=NullValue.NULL_VALUE)
        case bool():
            return Value(bool_value=value)
        case int():
            return Value(number_value=value)
        case str():
            return Value(string_value=value)


def value_of_proto(told: Value) -> Plain:
    """The value; whole numbers come over the wire as numbers of any kind."""
    match told.WhichOneof("kind"):
        case "bool_value":
            return told.bool_value
        case "number_value":
            return int(told.number_value)
        case "string_value":
            return told.string_value
    return None
