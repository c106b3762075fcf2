// Parses the body of an address field into addresses and groups, for IMAP's ENVELOPE and
// `sendmail -t`.
//
// Accepts all of RFC 5322's syntax with its obsolete forms (routes, empty list elements, dots in
// phrases, blanks and comments anywhere, quoted words within a local part), and common deviations:
// UTF-8, a bare word as an address without a domain. It never fails: malformed text becomes an
// address with the parts that were found, as in Dovecot, so that a broken From still shows in a
// client; several words without an address are a name. Encoded words are left as they are.
//
// STANDARDS  RFC 5322 sections 3.4 and 4.4, RFC 6854 (groups in From),
//            RFC 9051 section 7.5.2 (ENVELOPE)
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/mail/address.h"

namespace pennypost {

constexpr std::size_t address_list_max = 10'000;  // addresses and group marks in one field

/// One element of an address list, in the terms of IMAP's ENVELOPE. Absent is IMAP's NIL.
struct ListedAddress {
  enum class Kind {
    Mailbox,
    GroupStart,  // ENVELOPE's (NIL NIL "group name" NIL); the name is in `mailbox`
    GroupEnd,    // (NIL NIL NIL NIL)
  };
  Kind kind = Kind::Mailbox;
  std::optional<std::string> name;   // display name, or a comment if there is only that
  std::optional<std::string> route;  // "@a,@b"
  // The local part without quotes; absent if only a name was given.
  std::optional<std::string> mailbox;
  // Absent for a bare word. ENVELOPE must not show that as NIL, which would mean a group.
  std::optional<std::string> host;
  // Where in the body to insert `@domain` after a bare address; absent if it has a domain or is
  // broken.
  std::optional<std::size_t> bare_end;
  // Words that belong to no address follow it: `a@b c@d`. ENVELOPE ignores them.
  bool has_rest = false;
  /// The position of the address in the body, with its route and the comments within it; both 0 if
  /// there is none.
  std::size_t begin = 0;
  std::size_t end = 0;

  /// The text `local@host`, whether it is a valid address or not.
  std::string text() const;
  /// The address for an envelope; Error 501 5.1.3 if it is invalid, has a rest, or is a group mark.
  Result<MailAddress> address(Utf8 utf8 = Utf8::Allowed) const;

  friend bool operator==(const ListedAddress&, const ListedAddress&) = default;
};

/// How to read words that are no address by @ or <>: `bob ann`, `bob ann@example.org` and `"bob"`.
enum class BareWords {
  Phrase,     // a name, as IMAP shows a field; one unquoted word is a local part
  Addresses,  // each is an address without a domain, as for `sendmail -t` and its arguments
};

/// Returns at most address_list_max elements; the rest is ignored.
std::vector<ListedAddress> parse_address_list(std::string_view body,
                                              BareWords bare_words = BareWords::Phrase);

}  // namespace pennypost
