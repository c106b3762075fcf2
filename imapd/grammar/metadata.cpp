#include "imapd/grammar/metadata.h"

#include <algorithm>

#include "common/base/text.h"
#include "imapd/grammar/arguments.h"

namespace pennypost::imap {
namespace {

using Depth = GetMetadataRequest::Depth;

constexpr std::string_view roots[] = {"/private/", "/shared/"};

// RFC 5464 section 3.1: no `*` or `%`, printable ASCII, no empty part.
Result<std::string> entry(Cursor& cursor) {
  TRY(auto name, cursor.astring());
  if (name.size() > entry_bytes_max) return Error(501, "Name of an entry is too long");
  name = lower(name);
  bool is_sound = name.find("//") == std::string::npos && !name.ends_with('/') &&
                  std::ranges::all_of(name, [](char c) {
                    return is_ascii(c) && !is_control(c) && c != '*' && c != '%';
                  });
  bool has_root = name == "/private" || name == "/shared" ||
                  std::ranges::any_of(roots, [&](auto root) { return name.starts_with(root); });
  if (!is_sound || !has_root) {
    return Error(501, "Expected an entry like /private/comment or /shared/comment");
  }
  return name;
}

Result<void> option(GetMetadataRequest& request, Cursor& cursor) {
  TRY(auto name, cursor.keyword());
  TRY_DO(cursor.space());
  if (name == "MAXSIZE") {
    TRY(request.bytes_max, cursor.number());
    return {};
  }
  if (name != "DEPTH") return Error(501, "Expected MAXSIZE or DEPTH");
  TRY(auto depth, cursor.keyword());
  if (depth == "0") {
    request.depth = Depth::Zero;
  } else if (depth == "1") {
    request.depth = Depth::One;
  } else if (depth == "INFINITY") {
    request.depth = Depth::Infinity;
  } else {
    return Error(501, "Expected 0, 1 or infinity");
  }
  return {};
}

// `(` has been taken.
Result<void> options(GetMetadataRequest& request, Cursor& cursor) {
  if (cursor.at(')')) return Error(501, "Expected MAXSIZE or DEPTH");
  TRY_DO(rest_of_list(cursor, [&] { return option(request, cursor); }));
  return cursor.space();
}

// Entries begin with `/`, perhaps in quotes or as a literal, and options with a letter.
bool is_at_options(const Cursor& cursor) {
  auto rest = cursor.rest();
  if (!rest.starts_with('(')) return false;
  rest.remove_prefix(std::min(rest.find_first_not_of(' ', 1), rest.size()));
  return !rest.empty() && is_alpha(rest.front());
}

// RFC 5464 section 3.2: a value stands at /private/comment or deeper, a vendor's at
// /private/vendor/TOKEN/NAME or deeper.
Result<void> check_has_value(std::string_view entry) {
  auto parts = split(entry.substr(1), '/');
  bool is_of_vendor = parts.size() > 1 && parts[1] == "vendor";
  if (parts.size() >= (is_of_vendor ? 4 : 2)) return {};
  return Error(501, is_of_vendor ? "Expected an entry like /private/vendor/TOKEN/NAME"
                                 : "Expected an entry like /private/comment");
}

}  // namespace

Result<std::vector<std::string>> parse_entries(Cursor& cursor) {
  std::vector<std::string> entries;
  auto one = [&]() -> Result<void> {
    if (entries.size() == cursor.limits().list_items_max) return Error(501, "Too many entries");
    TRY(auto name, entry(cursor));
    if (std::ranges::find(entries, name) == entries.end()) entries.push_back(std::move(name));
    return {};
  };
  if (!cursor.skip('(')) {
    TRY_DO(one());
    return entries;
  }
  TRY_DO(rest_of_list(cursor, one));
  if (entries.empty()) return Error(501, "Expected the name of an entry");
  return entries;
}

Result<GetMetadataRequest> parse_get_metadata(std::string_view arguments, const Limits& limits) {
  Cursor cursor(arguments, limits);
  GetMetadataRequest request;
  TRY_DO(cursor.space());
  bool has_options = cursor.skip('(');
  if (has_options) {
    TRY_DO(options(request, cursor));
  }
  TRY(request.mailbox, cursor.mailbox());
  TRY_DO(cursor.space());
  if (!has_options && is_at_options(cursor)) {
    cursor.skip('(');
    TRY_DO(options(request, cursor));
  }
  TRY(request.entries, parse_entries(cursor));
  TRY_DO(cursor.end());
  return request;
}

Result<SetMetadataRequest> parse_set_metadata(std::string_view arguments, const Limits& limits) {
  Cursor cursor(arguments, limits);
  SetMetadataRequest request;
  TRY_DO(take(cursor, request.mailbox, &Cursor::mailbox));
  TRY_DO(cursor.space());
  TRY_DO(cursor.expect('('));
  auto value = [&]() -> Result<void> {
    if (request.values.size() == limits.list_items_max) return Error(501, "Too many entries");
    TRY(auto name, entry(cursor));
    TRY_DO(check_has_value(name));
    TRY_DO(cursor.space());
    TRY(request.values[name], cursor.nstring());
    return {};
  };
  TRY_DO(rest_of_list(cursor, value));
  if (request.values.empty()) return Error(501, "Expected an entry and its value");
  TRY_DO(cursor.end());
  return request;
}

}  // namespace pennypost::imap
