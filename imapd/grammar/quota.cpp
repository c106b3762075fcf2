#include "imapd/grammar/quota.h"

#include <algorithm>

#include "imapd/grammar/arguments.h"

namespace pennypost::imap {
namespace {

Result<void> resource(SetQuotaRequest& request, Cursor& cursor) {
  if (request.limits.size() == quota_resources_max) return Error(501, "Too many resources");
  TRY(auto name, cursor.keyword());
  bool is_known =
      std::ranges::any_of(request.limits, [&](const auto& limit) { return limit.first == name; });
  if (is_known) return Error(501, "The limit of " + name + " is given twice");
  TRY_DO(cursor.space());
  TRY(auto limit, cursor.number64());
  request.limits.emplace_back(std::move(name), limit);
  return {};
}

}  // namespace

Result<SetQuotaRequest> parse_set_quota(std::string_view arguments, const Limits& limits) {
  Cursor cursor(arguments, limits);
  SetQuotaRequest request;
  TRY_DO(take(cursor, request.root, &Cursor::astring));
  TRY_DO(cursor.space());
  TRY_DO(cursor.expect('('));
  TRY_DO(rest_of_list(cursor, [&] { return resource(request, cursor); }));
  TRY_DO(cursor.end());
  return request;
}

}  // namespace pennypost::imap
