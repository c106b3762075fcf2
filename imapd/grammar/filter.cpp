#include "imapd/grammar/filter.h"

namespace pennypost::imap {
namespace {

using Kind = FilterRequest::Kind;

Result<void> take_script(Cursor& cursor, FilterRequest& request) {
  TRY(auto kind, cursor.keyword());
  if (kind == "DELIVERY") return {};
  if (kind == "PERSONAL" || kind == "GLOBAL") {
    request.kind = kind == "GLOBAL" ? Kind::Global : Kind::Personal;
    TRY_DO(cursor.space());
    TRY(request.text, cursor.astring());
    return {};
  }
  if (kind != "SCRIPT") {
    return Error(501, "Expected DELIVERY, PERSONAL, GLOBAL or SCRIPT behind SIEVE");
  }
  request.kind = Kind::Script;
  TRY_DO(cursor.space());
  TRY(request.text, cursor.string());
  return {};
}

}  // namespace

Result<FilterRequest> parse_filter(std::string_view arguments, const Limits& limits) {
  Cursor cursor(arguments, limits);
  FilterRequest request;
  TRY_DO(cursor.space());
  TRY(auto language, cursor.keyword());
  if (language != "SIEVE") return Error(501, "Unknown filter type " + language);
  TRY_DO(cursor.space());
  TRY_DO(take_script(cursor, request));
  TRY_DO(cursor.space());
  TRY_DO(take_charset_and_keys(cursor, request.search));
  return request;
}

}  // namespace pennypost::imap
