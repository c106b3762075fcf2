#include "imapd/grammar/requests.h"

#include <algorithm>
#include <utility>

#include "common/base/text.h"
#include "imapd/grammar/arguments.h"

namespace pennypost::imap {
namespace {

constexpr std::size_t id_fields_max = 30;
constexpr std::size_t id_field_bytes_max = 30;
constexpr std::size_t id_value_bytes_max = 1024;

// The text of one balanced value: a word, a string, or `( … )` with strings inside.
Result<std::string> modifier_value(Cursor& cursor) {
  auto before = cursor.rest();
  std::size_t depth = 0;
  do {
    if (cursor.skip('(')) {
      if (++depth > cursor.limits().nesting_max) return Error(501, "Too many parentheses");
    } else if (cursor.skip(')')) {
      --depth;
    } else if (cursor.at('"') || cursor.at('{')) {
      TRY_DO(cursor.string());
    } else if (depth == 0 || !cursor.skip(' ')) {
      cursor.skip('\\');
      TRY_DO(cursor.list_mailbox());
    }
  } while (depth > 0);
  return std::string(before.substr(0, before.size() - cursor.rest().size()));
}

Result<std::vector<Modifier>> optional_modifiers(Cursor& cursor) {
  if (cursor.at_end()) return std::vector<Modifier>();
  TRY_DO(cursor.space());
  return parse_modifiers(cursor);
}

// RFC 2971 section 3.3: nstring. Old clients send a version as a bare number.
Result<std::optional<std::string>> id_value(Cursor& cursor) {
  if (cursor.at_end() || !is_digit(cursor.rest().front())) return cursor.nstring();
  TRY(auto number, cursor.atom());
  return std::optional<std::string>(std::move(number));
}

}  // namespace

Result<CommandHead> parse_head(std::string_view text) {
  auto space = text.find(' ');
  auto tag = text.substr(0, space);
  if (tag.empty() || !std::ranges::all_of(tag, is_tag_char)) return Error(501, "Invalid tag");
  if (space == std::string_view::npos) return Error(501, "Missing command");
  auto pass_spaces = [&text] {
    text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
  };
  text.remove_prefix(space);
  pass_spaces();
  auto word = [&text] {
    auto end = std::ranges::find_if_not(text, is_atom_char);
    auto name = text.substr(0, static_cast<std::size_t>(end - text.begin()));
    text.remove_prefix(name.size());
    return upper(name);
  };
  CommandHead head{std::string(tag), word(), {}};
  if (head.name == "UID" && text.starts_with(' ')) {
    pass_spaces();
    head.name += ' ' + word();
  }
  if (head.name.empty()) return Error(501, "Missing command");
  head.arguments = text;
  return head;
}

Result<std::vector<Modifier>> parse_modifiers(Cursor& cursor) {
  std::vector<Modifier> modifiers;
  TRY_DO(cursor.expect('('));
  for (;;) {
    if (modifiers.size() == cursor.limits().list_items_max) return Error(501, "Too many modifiers");
    Modifier modifier;
    TRY(modifier.name, cursor.keyword());
    bool last = cursor.skip(')');
    if (!last) {
      TRY_DO(cursor.space());
      // RFC 4466 section 2.1: a name begins with a letter, a value with a digit, `*`, `(` or a
      // quote; a word as a value can't be told from the next name and is taken as that.
      char c = cursor.rest().empty() ? '\0' : cursor.rest().front();
      if (!is_alpha(c)) {
        TRY(modifier.value, modifier_value(cursor));
        last = cursor.skip(')');
        if (!last) {
          TRY_DO(cursor.space());
        }
      }
    }
    modifiers.push_back(std::move(modifier));
    if (last) return modifiers;
  }
}

Result<void> parse_nothing(std::string_view arguments, const Limits& limits) {
  // Spaces at the end harm nobody; some clients send one.
  Cursor cursor(arguments, limits);
  cursor.skip_spaces();
  return cursor.end();
}

Result<LoginRequest> parse_login(std::string_view arguments, const Limits& limits) {
  LoginRequest request;
  std::string password;
  TRY_DO(take_all(arguments, limits, request.user, &Cursor::astring, password, &Cursor::astring));
  request.password = Secret(std::move(password));
  return request;
}

Result<AuthenticateRequest> parse_authenticate(std::string_view arguments, const Limits& limits) {
  Cursor cursor(arguments, limits);
  AuthenticateRequest request;
  TRY_DO(take(cursor, request.mechanism, &Cursor::atom));
  request.mechanism = upper(request.mechanism);
  if (cursor.at_end()) return request;
  TRY_DO(cursor.space());
  if (cursor.rest() == "=") {
    request.initial_response.emplace();
    return request;
  }
  auto decoded = base64_decode(cursor.rest());
  if (!decoded || decoded->empty()) return Error(501, "Invalid base64 in the initial response");
  request.initial_response.emplace(std::move(*decoded));
  return request;
}

Result<SelectRequest> parse_select(std::string_view arguments, const Limits& limits) {
  Cursor cursor(arguments, limits);
  SelectRequest request;
  TRY_DO(take(cursor, request.mailbox, &Cursor::mailbox));
  TRY(request.parameters, optional_modifiers(cursor));
  TRY_DO(cursor.end());
  return request;
}

Result<CreateRequest> parse_create(std::string_view arguments, const Limits& limits) {
  TRY(auto like_select, parse_select(arguments, limits));
  return CreateRequest{std::move(like_select.mailbox), std::move(like_select.parameters)};
}

Result<std::string> parse_mailbox(std::string_view arguments, const Limits& limits) {
  std::string mailbox;
  TRY_DO(take_all(arguments, limits, mailbox, &Cursor::mailbox));
  return mailbox;
}

Result<std::vector<std::string>> parse_tags(std::string_view arguments, const Limits& limits) {
  Cursor cursor(arguments, limits);
  std::vector<std::string> tags;
  do {
    if (tags.size() == limits.list_items_max) return Error(501, "Too many tags");
    TRY_DO(take(cursor, tags.emplace_back(), &Cursor::astring));
  } while (!cursor.at_end());
  return tags;
}

Result<std::string> parse_quota_root(std::string_view arguments, const Limits& limits) {
  std::string root;
  TRY_DO(take_all(arguments, limits, root, &Cursor::astring));
  return root;
}

Result<RenameRequest> parse_rename(std::string_view arguments, const Limits& limits) {
  RenameRequest request;
  TRY_DO(take_all(arguments, limits, request.from, &Cursor::mailbox, request.to, &Cursor::mailbox));
  return request;
}

Result<StoreRequest> parse_store(std::string_view arguments, const Limits& limits) {
  Cursor cursor(arguments, limits);
  StoreRequest request;
  TRY_DO(take(cursor, request.messages, &Cursor::sequence_set));
  TRY_DO(cursor.space());
  if (cursor.at('(')) {
    TRY(request.modifiers, parse_modifiers(cursor));
    TRY_DO(cursor.space());
  }
  if (cursor.skip('+')) {
    request.change = StoreRequest::Change::Add;
  } else if (cursor.skip('-')) {
    request.change = StoreRequest::Change::Remove;
  }
  TRY(auto name, cursor.keyword());
  if (name != "FLAGS" && name != "FLAGS.SILENT") return Error(501, "Expected FLAGS");
  request.silent = name.ends_with(".SILENT");
  TRY_DO(cursor.space());
  if (cursor.at('(')) {
    TRY(request.flags, cursor.flag_list());
  } else {
    do {
      if (request.flags.size() == limits.list_items_max) return Error(501, "Too many flags");
      TRY(auto flag, cursor.flag());
      request.flags.push_back(std::move(flag));
    } while (cursor.next_item());
  }
  TRY_DO(cursor.end());
  return request;
}

Result<CopyRequest> parse_copy(std::string_view arguments, const Limits& limits) {
  CopyRequest request;
  TRY_DO(take_all(arguments, limits, request.messages, &Cursor::sequence_set, request.mailbox,
                  &Cursor::mailbox));
  return request;
}

Result<SequenceSet> parse_uid_expunge(std::string_view arguments, const Limits& limits) {
  SequenceSet set;
  TRY_DO(take_all(arguments, limits, set, &Cursor::sequence_set));
  return set;
}

Result<std::string> parse_compress(std::string_view arguments, const Limits& limits) {
  std::string mechanism;
  TRY_DO(take_all(arguments, limits, mechanism, &Cursor::atom));
  return upper(mechanism);
}

Result<std::vector<std::string>> parse_enable(std::string_view arguments, const Limits& limits) {
  Cursor cursor(arguments, limits);
  std::vector<std::string> names;
  TRY_DO(cursor.space());
  do {
    if (names.size() == limits.list_items_max) return Error(501, "Too many capabilities");
    TRY(auto name, cursor.atom());
    names.push_back(upper(name));
  } while (cursor.next_item());
  TRY_DO(cursor.end());
  return names;
}

Result<UidBatchesRequest> parse_uid_batches(std::string_view arguments, const Limits& limits) {
  Cursor cursor(arguments, limits);
  UidBatchesRequest request;
  TRY_DO(take(cursor, request.messages, &Cursor::nz_number));
  if (cursor.next_item()) {
    auto& batches = request.batches.emplace();
    TRY(batches.first, cursor.nz_number());
    TRY_DO(cursor.expect(':'));
    TRY(batches.second, cursor.nz_number());
    if (batches.first > batches.second) {
      return Error(501, "[CLIENTBUG] The first batch comes behind the last");
    }
  }
  TRY_DO(cursor.end());
  return request;
}

Result<IdFields> parse_id(std::string_view arguments, const Limits& limits) {
  Cursor cursor(arguments, limits);
  IdFields fields;
  TRY_DO(cursor.space());
  if (cursor.skip_word("NIL")) {
    TRY_DO(cursor.end());
    return fields;
  }
  TRY_DO(cursor.expect('('));
  auto field = [&]() -> Result<void> {
    if (fields.size() == id_fields_max) return Error(501, "ID takes at most 30 fields");
    TRY(auto name, cursor.string());
    std::optional<std::string> value;
    TRY_DO(take(cursor, value, id_value));
    if (name.size() > id_field_bytes_max) return Error(501, "ID field name is too long");
    if (value && value->size() > id_value_bytes_max) return Error(501, "ID value is too long");
    fields.emplace_back(std::move(name), std::move(value));
    return {};
  };
  TRY_DO(rest_of_list(cursor, field));
  TRY_DO(cursor.end());
  return fields;
}

}  // namespace pennypost::imap
