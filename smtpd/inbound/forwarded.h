// Reads what a proxy or a filter says of the client it speaks for: the attributes of XCLIENT and
// XFORWARD.
//
//   NAME=spike.example.org ADDR=192.0.2.7 PORT=4711 PROTO=ESMTP HELO=spike.example.org
//   LOGIN=ann            XCLIENT alone, as are REVERSE_NAME, DESTADDR and DESTPORT
//   IDENT=4Zk2Qn1 SOURCE=REMOTE    XFORWARD alone
//
// Values are xtext; `[UNAVAILABLE]` says that there is none, `[TEMPUNAVAIL]` that it could not be
// found out now. An IPv6 address has `IPV6:` in front.
//
// STANDARDS  Postfix's XCLIENT_README and XFORWARD_README; RFC 3461 section 4 (xtext)
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/result.h"
#include "common/net/address.h"

namespace pennypost::smtp {

inline constexpr std::size_t forwarded_value_bytes_max = 255;

/// A text that may be missing.
struct ForwardedText {
  std::string text;           // empty: [UNAVAILABLE], or [TEMPUNAVAIL]
  bool is_temporary = false;  // [TEMPUNAVAIL]
  std::string_view name() const { return text.empty() ? std::string_view("unknown") : text; }
};

/// What one command says; what it leaves out is nothing.
struct Forwarded {
  /// Error 501: an attribute that the command has not, or a value that can't be.
  static Result<Forwarded> parse_xclient(std::string_view arguments);
  static Result<Forwarded> parse_xforward(std::string_view arguments);

  std::optional<ForwardedText> name;
  std::optional<ForwardedText> reverse_name;
  std::optional<ForwardedText> helo;
  std::optional<ForwardedText> login;
  std::optional<ForwardedText> ident;
  std::optional<std::optional<IpAddress>> address;  // nothing within: [UNAVAILABLE]
  std::optional<IpAddress> server_address;
  std::optional<std::uint16_t> port;
  std::optional<std::uint16_t> server_port;
  std::optional<bool> is_extended;  // PROTO: ESMTP, or SMTP
  std::optional<bool> is_local;     // SOURCE: LOCAL, or REMOTE

  /// What a later command says counts.
  void merge(Forwarded later);
};

/// The keywords that EHLO announces behind XCLIENT and XFORWARD.
inline constexpr std::string_view xclient_attributes =
    "NAME ADDR PROTO HELO REVERSE_NAME PORT LOGIN DESTADDR DESTPORT";
inline constexpr std::string_view xforward_attributes = "NAME ADDR PROTO HELO SOURCE PORT IDENT";

}  // namespace pennypost::smtp
