#include "smtpd/inbound/forwarded.h"

#include <algorithm>

#include "common/base/text.h"
#include "common/mail/address.h"
#include "common/mail/status.h"

namespace pennypost::smtp {
namespace {

constexpr std::size_t attributes_max = 20;  // of one command

Error bad_value(std::string_view name, std::string_view value) {
  return Error(501, "5.5.4", "Bad " + std::string(name) + " value: " + printable(value, 100));
}

Result<ForwardedText> text_of(std::string_view name, std::string_view value) {
  ForwardedText text;
  if (equal_nocase(value, "[UNAVAILABLE]")) return text;
  text.is_temporary = equal_nocase(value, "[TEMPUNAVAIL]");
  if (text.is_temporary) return text;
  auto decoded = xtext_decode(value, Utf8::Allowed);
  if (!decoded || decoded->size() > forwarded_value_bytes_max) return bad_value(name, value);
  text.text = printable(*decoded);
  return text;
}

/// A name that will stand where DNS's would.
Result<ForwardedText> host_name_of(std::string_view name, std::string_view value) {
  TRY(auto text, text_of(name, value));
  bool is_good = text.text.empty() || equal_nocase(text.text, "unknown") ||
                 (Domain::parse(text.text) && !text.text.starts_with('['));
  if (!is_good) return bad_value(name, value);
  if (equal_nocase(text.text, "unknown")) text.text.clear();
  return text;
}

Result<std::optional<IpAddress>> address_of(std::string_view name, std::string_view value) {
  TRY(auto text, text_of(name, value));
  if (text.text.empty() || equal_nocase(text.text, "unknown")) return std::optional<IpAddress>();
  std::string_view shown = text.text;
  bool is_six = starts_with_nocase(shown, "IPV6:");
  if (is_six) shown.remove_prefix(5);
  auto address = IpAddress::parse(shown);
  if (!address || address->is_v6() != is_six) return bad_value(name, value);
  return std::optional<IpAddress>(*address);
}

Result<std::uint16_t> port_of(std::string_view name, std::string_view value) {
  TRY(auto text, text_of(name, value));
  if (text.text.empty()) return std::uint16_t{0};
  auto number = parse_number(text.text);
  if (!number || *number > 65535) return bad_value(name, value);
  return static_cast<std::uint16_t>(*number);
}

/// True for the first word, false for the second.
Result<bool> choice_of(std::string_view name, std::string_view value, std::string_view yes,
                       std::string_view no) {
  if (equal_nocase(value, yes)) return true;
  if (equal_nocase(value, no) || equal_nocase(value, "[UNAVAILABLE]")) return false;
  return bad_value(name, value);
}

/// What both commands have. False: it is none of these.
Result<bool> take_common(Forwarded& into, std::string_view name, std::string_view value) {
  if (name == "NAME") {
    TRY(into.name, host_name_of(name, value));
  } else if (name == "ADDR") {
    TRY(into.address, address_of(name, value));
  } else if (name == "PORT") {
    TRY(into.port, port_of(name, value));
  } else if (name == "HELO") {
    TRY(into.helo, text_of(name, value));
  } else if (name == "PROTO") {
    TRY(into.is_extended, choice_of(name, value, "ESMTP", "SMTP"));
  } else {
    return false;
  }
  return true;
}

Result<bool> take_xclient(Forwarded& into, std::string_view name, std::string_view value) {
  if (name == "REVERSE_NAME") {
    TRY(into.reverse_name, host_name_of(name, value));
  } else if (name == "LOGIN") {
    TRY(into.login, text_of(name, value));
  } else if (name == "DESTADDR") {
    TRY(auto address, address_of(name, value));
    if (address) into.server_address = *address;
  } else if (name == "DESTPORT") {
    TRY(into.server_port, port_of(name, value));
  } else {
    return take_common(into, name, value);
  }
  return true;
}

Result<bool> take_xforward(Forwarded& into, std::string_view name, std::string_view value) {
  if (name == "IDENT") {
    TRY(into.ident, text_of(name, value));
  } else if (name == "SOURCE") {
    TRY(into.is_local, choice_of(name, value, "LOCAL", "REMOTE"));
  } else {
    return take_common(into, name, value);
  }
  return true;
}

template <class Take>
Result<Forwarded> parse(std::string_view command, std::string_view arguments, Take take) {
  auto given = words(arguments, " \t");
  std::string syntax = "Syntax: " + std::string(command) + " attribute=value...";
  if (given.empty() || given.size() > attributes_max) return Error(501, "5.5.4", syntax);
  Forwarded forwarded;
  for (std::string_view word : given) {
    auto equals = word.find('=');
    if (equals == word.npos) return Error(501, "5.5.4", syntax);
    std::string name = upper(word.substr(0, equals));
    TRY(bool is_known, take(forwarded, name, word.substr(equals + 1)));
    if (is_known) continue;
    return Error(501, "5.5.4",
                 "Bad " + std::string(command) + " attribute name: " + printable(name, 100));
  }
  return forwarded;
}

}  // namespace

Result<Forwarded> Forwarded::parse_xclient(std::string_view arguments) {
  return parse("XCLIENT", arguments, take_xclient);
}

Result<Forwarded> Forwarded::parse_xforward(std::string_view arguments) {
  return parse("XFORWARD", arguments, take_xforward);
}

void Forwarded::merge(Forwarded later) {
  auto take = [](auto& ours, auto& theirs) {
    if (theirs) ours = std::move(theirs);
  };
  take(name, later.name);
  take(reverse_name, later.reverse_name);
  take(helo, later.helo);
  take(login, later.login);
  take(ident, later.ident);
  take(address, later.address);
  take(server_address, later.server_address);
  take(port, later.port);
  take(server_port, later.server_port);
  take(is_extended, later.is_extended);
  take(is_local, later.is_local);
}

}  // namespace pennypost::smtp
