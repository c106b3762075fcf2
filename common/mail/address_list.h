// Parses the body of an address field into addresses and groups, for IMAP's ENVELOPE and `sendmail
// -t`.
//
// Takes all of RFC 5322's syntax with its obsolete forms (routes, empty list elements, dots in
// phrases, blanks and comments anywhere, quoted words within a local part), and what is seen beside
// it: UTF-8, a bare word as an address without domain. It never fails: what can't be understood
// becomes an address with what was found, as Dovecot does, so that a broken From still shows in a
// client: several words without an address are a name. Encoded words are left as they are.
//
// STANDARDS  RFC 5322 sections 3.4 and 4.4, RFC 6854 (groups in From), RFC 9051 section 7.5.2
// (ENVELOPE)
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/mail/address.h"

namespace pennypost {

constexpr std::size_t address_list_max = 10'000;  // addresses and group marks of one field

/// One element of an address list, in the terms of IMAP's ENVELOPE. Absent is IMAP's NIL.
struct ListedAddress {
  enum class Kind {
    Mailbox,
    GroupStart,  // ENVELOPE's (NIL NIL "group name" NIL); the name stands in `mailbox`
    GroupEnd,    // (NIL NIL NIL NIL)
  };
  Kind kind = Kind::Mailbox;
  std::optional<std::string> name;   // display name, or a comment where only that was given
  std::optional<std::string> route;  // "@a,@b"
  // The local part as it means, without quotes; absent where only a name was given.
  std::optional<std::string> mailbox;
  // Absent for a bare word. ENVELOPE must not show that as NIL, which would mean a group.
  std::optional<std::string> host;
  // Where in the body `@domain` completes a bare address; absent if it has a domain or is broken.
  std::optional<std::size_t> bare_end;
  // Words that belong to no address stand behind it: `a@b c@d`. ENVELOPE passes over them.
  bool has_rest = false;
  /// Where in the body the address itself stands, with its route and the comments within it; both 0
  /// where there is none.
  std::size_t begin = 0;
  std::size_t end = 0;

  /// As it stands there, `local@host`, whether it is an address or not.
  std::string text() const;
  /// As an address for an envelope; Error 501 5.1.3 if it is none, has a rest, or is a group's
  /// mark.
  Result<MailAddress> address(Utf8 utf8 = Utf8::Allowed) const;

  friend bool operator==(const ListedAddress&, const ListedAddress&) = default;
};

/// How words that neither @ nor <> make an address are read: `bob ann`, `bob ann@example.org` and
/// `"bob"`.
enum class BareWords {
  Phrase,     // as a name, as IMAP shows a field; a word without quotes as a local part
  Addresses,  // each as an address without a domain, as `sendmail -t` and its arguments mean them
};

/// At most address_list_max elements; the rest is not looked at.
std::vector<ListedAddress> parse_address_list(std::string_view body,
                                              BareWords bare_words = BareWords::Phrase);

}  // namespace pennypost
