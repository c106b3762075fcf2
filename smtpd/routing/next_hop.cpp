#include "smtpd/routing/next_hop.h"

#include <array>
#include <optional>
#include <utility>

#include "common/base/text.h"
#include "common/mail/address.h"
#include "common/net/address.h"

namespace pennypost::smtp {
namespace {

// /etc/services can't be read in a chroot.
constexpr std::array services{std::pair{"smtp", 25}, std::pair{"submission", 587},
                              std::pair{"submissions", 465}, std::pair{"smtps", 465},
                              std::pair{"lmtp", 24}};

std::optional<std::uint16_t> parse_port(std::string_view text) {
  for (const auto& [name, port] : services) {
    if (equal_nocase(text, name)) return static_cast<std::uint16_t>(port);
  }
  auto number = parse_number(text);
  if (!number || *number == 0 || *number > 65535) return {};
  return static_cast<std::uint16_t>(*number);
}

Error mistake(std::string_view text) {
  return Error::temporary("4.3.5",
                          "bad next hop \"" + printable(text, 100) +
                              "\": expected example.com, [smtp.example.com] or [192.0.2.1]:587");
}

Error lmtp_mistake(std::string_view text) {
  return Error::temporary(
      "4.3.5", "bad LMTP server \"" + printable(text, 100) +
                   "\": expected unix:private/lmtp, inet:lmtp.example.com:24 or [192.0.2.1]:24");
}

}  // namespace

Result<NextHop> NextHop::parse(std::string_view text) {
  std::string_view whole = text = trim(text);
  NextHop hop;
  if (text.starts_with('[')) {
    auto end = text.find(']');
    if (end == text.npos) return mistake(whole);
    hop.host = text.substr(1, end - 1);
    hop.looks_up_mx = false;
    // The tag of an address literal: RFC 5321 section 4.1.3.
    if (starts_with_nocase(hop.host, "ipv6:")) hop.host.erase(0, 5);
    text.remove_prefix(end + 1);
  } else {
    hop.host = text.substr(0, text.find(':'));
    text.remove_prefix(hop.host.size());
    // A bare address has no MX records.
    if (IpAddress::parse(hop.host)) hop.looks_up_mx = false;
  }
  if (hop.host.empty()) return mistake(whole);
  if (!is_ascii(hop.host)) {
    auto domain = Domain::parse(hop.host, Utf8::Allowed);
    if (!domain) return mistake(whole);
    hop.host = domain->key();
  }
  if (text.empty()) return hop;
  auto port = text.starts_with(':') ? parse_port(text.substr(1)) : std::nullopt;
  if (!port) return mistake(whole);
  hop.port = *port;
  return hop;
}

Result<NextHop> NextHop::parse_lmtp(std::string_view text) {
  constexpr std::string_view unix_prefix = "unix:";
  constexpr std::string_view inet_prefix = "inet:";
  text = trim(text);
  NextHop hop;
  if (text.starts_with(unix_prefix)) {
    hop.socket = text.substr(unix_prefix.size());
    hop.looks_up_mx = false;
    if (hop.socket.empty()) return lmtp_mistake(text);
    return hop;
  }
  std::string_view host = text;
  if (host.starts_with(inet_prefix)) host.remove_prefix(inet_prefix.size());
  auto parsed = parse(host);
  if (!parsed) return lmtp_mistake(text);
  hop = *std::move(parsed);
  hop.looks_up_mx = false;
  return hop;
}

std::string NextHop::text() const {
  if (!socket.empty()) return "unix:" + socket;
  std::string out = looks_up_mx ? host : "[" + host + "]";
  if (port != 0) out += ":" + std::to_string(port);
  return out;
}

TransportName TransportName::parse(std::string_view text) {
  text = trim(text);
  auto colon = text.find(':');
  TransportName transport;
  transport.name = trim(text.substr(0, colon));
  if (colon != text.npos) transport.next_hop = trim(text.substr(colon + 1));
  return transport;
}

}  // namespace pennypost::smtp
