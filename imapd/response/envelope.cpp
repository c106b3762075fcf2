#include "imapd/response/envelope.h"

#include <optional>
#include <vector>

#include "common/mail/address_list.h"
#include "common/mail/header.h"
#include "imapd/response/strings.h"

namespace pennypost::imap {
namespace {

// RFC 9051 section 7.5.2: a NIL host or mailbox would mean a group, and an empty one makes clients
// show or answer to half an address. Dovecot's words for what is missing.
constexpr std::string_view missing_host = "MISSING_DOMAIN";
constexpr std::string_view missing_mailbox = "MISSING_MAILBOX";

std::string_view or_missing(const std::optional<std::string>& part, std::string_view missing) {
  return part && !part->empty() ? std::string_view(*part) : missing;
}

void append_address(std::string& out, const ListedAddress& address) {
  out += '(';
  switch (address.kind) {
    case ListedAddress::Kind::Mailbox:
      append_nstring(out, address.name);
      out += ' ';
      append_nstring(out, address.route);
      out += ' ';
      append_string(out, or_missing(address.mailbox, missing_mailbox));
      out += ' ';
      append_string(out, or_missing(address.host, missing_host));
      break;
    case ListedAddress::Kind::GroupStart:
      out += "NIL NIL ";
      append_string(out, address.mailbox ? std::string_view(*address.mailbox) : "");
      out += " NIL";
      break;
    case ListedAddress::Kind::GroupEnd:
      out += "NIL NIL NIL NIL";
      break;
  }
  out += ')';
}

// The addresses of all fields of that name as one list; empty where there is none.
std::string addresses(const HeaderFields& header, std::string_view name) {
  std::string out;
  for (const auto& field : header.find_all(name)) {
    for (const auto& address : parse_address_list(field.body)) append_address(out, address);
  }
  return out.empty() ? out : '(' + out + ')';
}

}  // namespace

std::string envelope(std::string_view header) {
  HeaderFields fields(header);
  std::string out = "(";
  auto text = [&](std::string_view name) { append_nstring(out, fields.value(name)); };
  auto list = [&](const std::string& addresses, const std::string& otherwise) {
    const auto& chosen = addresses.empty() ? otherwise : addresses;
    out += ' ';
    out += chosen.empty() ? "NIL" : chosen;
  };
  text("Date");
  out += ' ';
  text("Subject");
  auto from = addresses(fields, "From");
  list(from, "");
  list(addresses(fields, "Sender"), from);
  list(addresses(fields, "Reply-To"), from);
  list(addresses(fields, "To"), "");
  list(addresses(fields, "Cc"), "");
  list(addresses(fields, "Bcc"), "");
  out += ' ';
  text("In-Reply-To");
  out += ' ';
  text("Message-ID");
  return out + ')';
}

}  // namespace pennypost::imap
