#include "imapd/grammar/acl.h"

#include "common/mail/unicode.h"
#include "imapd/grammar/arguments.h"

namespace pennypost::imap {
namespace {

using Mode = store::AclChange::Mode;

// RFC 4314 section 2: an identifier with a minus is about what is taken away.
Result<store::Identifier> parse_identifier(std::string_view text, bool& denies) {
  denies = text.starts_with('-');
  if (denies) text.remove_prefix(1);
  if (text.empty()) return Error(501, "Expected an identifier");
  if (!is_utf8(text)) return Error(501, "The identifier is not valid UTF-8");
  return store::Identifier::parse_imap(text);
}

}  // namespace

Result<AclRequest> parse_set_acl(std::string_view arguments, const Limits& limits) {
  AclRequest request;
  std::string who;
  std::string rights;
  TRY_DO(take_all(arguments, limits, request.mailbox, &Cursor::mailbox, who, &Cursor::astring,
                  rights, &Cursor::astring));
  auto& change = request.change;
  TRY(change.who, parse_identifier(who, change.denies));
  std::string_view letters(rights);
  if (letters.starts_with('+')) change.mode = Mode::Add;
  if (letters.starts_with('-')) change.mode = Mode::Remove;
  if (change.mode != Mode::Replace) letters.remove_prefix(1);
  TRY(change.rights, store::Rights::parse(letters));
  return request;
}

Result<AclRequest> parse_delete_acl(std::string_view arguments, const Limits& limits) {
  AclRequest request;
  std::string who;
  TRY_DO(take_all(arguments, limits, request.mailbox, &Cursor::mailbox, who, &Cursor::astring));
  TRY(request.change.who, parse_identifier(who, request.change.denies));
  request.change.removes = true;
  return request;
}

Result<ListRightsRequest> parse_list_rights(std::string_view arguments, const Limits& limits) {
  ListRightsRequest request;
  TRY_DO(take_all(arguments, limits, request.mailbox, &Cursor::mailbox, request.written,
                  &Cursor::astring));
  bool denies = false;
  TRY(request.who, parse_identifier(request.written, denies));
  return request;
}

}  // namespace pennypost::imap
