// Compares kinds of arguments.
#include "store/sieve/argument_kinds.h"

namespace pennypost::store::sieve {

std::string_view wanted_text(ArgumentKind kind) {
  switch (kind) {
    case ArgumentKind::None:
      return "no argument";
    case ArgumentKind::Number:
      return "a number";
    case ArgumentKind::String:
    case ArgumentKind::OptionalString:
      return "a string";
    case ArgumentKind::StringList:
    case ArgumentKind::OptionalList:
      return "a string or a list of strings";
  }
  return "";
}

bool is_optional(ArgumentKind kind) {
  return kind == ArgumentKind::OptionalString || kind == ArgumentKind::OptionalList;
}

bool fits(ArgumentKind wanted, const WrittenArgument& given) {
  using Given = WrittenArgument::Kind;
  switch (wanted) {
    case ArgumentKind::Number:
      return given.kind == Given::Number;
    case ArgumentKind::String:
    case ArgumentKind::OptionalString:
      return given.kind == Given::String;
    case ArgumentKind::StringList:
    case ArgumentKind::OptionalList:
      return given.kind == Given::String || given.kind == Given::StringList;
    case ArgumentKind::None:
      break;
  }
  return false;
}

}  // namespace pennypost::store::sieve
