// What auth processes tell each other about wrong and right passwords, as bytes.
//
// A notice is one datagram; the whole state is a list of entries, which is also what the file holds
// that outlives a restart. Whoever reads them trusts nothing: sizes, kinds, addresses and lengths
// are checked, and what is wrong is an Error.
//
// LIMITS    notice_bytes_max, events_max; ThrottleEntry's by LoginThrottle
// SEE ALSO  auth_peers.h (who sends them), ../../common/base/wire.h (the notation)
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/session/login_throttle.h"

namespace pennypost::store {

inline constexpr std::size_t notice_bytes_max = 65536;
/// So many of the longest fit into a notice.
inline constexpr std::size_t events_max = 150;
/// Beside the name: what is to be lifted may be an address or a login.
inline constexpr std::size_t notice_text_bytes_max = LoginThrottle::login_bytes_max;
inline constexpr std::size_t peer_name_bytes = 16;

/// A password that was wrong, or right.
struct AuthEvent {
  bool is_success = false;
  IpAddress client = IpAddress::loopback4();
  std::string login;      // empty: none was named
  std::int64_t when = 0;  // microseconds since 1970
};

struct AuthNotice {
  enum class Kind : std::uint8_t {
    Events,  ///< what happened at the sender's
    Hello,  ///< a process begins: tell it of events from now on, and of the state by the descriptor
    State,  ///< the state is wanted, by the descriptor
    Lift,   ///< forget `text` (empty: everything); how many entries went, by the descriptor
  };
  Kind kind = Kind::Events;
  std::string name;  // Hello: the sender's socket, peer_name_bytes of 0-9a-f
  std::string text;
  std::vector<AuthEvent> events;
};

std::string encode(const AuthNotice& notice);
Result<AuthNotice> parse_notice(std::string_view bytes);
/// Whether it may be a socket's name.
bool is_peer_name(std::string_view name);

std::string encode_state(const std::vector<ThrottleEntry>& entries);
Result<std::vector<ThrottleEntry>> parse_state(std::string_view bytes);
/// How many bytes encode_state() gives at most: an entry without its login, and with it.
inline constexpr std::size_t entry_bytes_max = 1 + 4 + 16 + 4 + 20;
inline constexpr std::size_t state_bytes_max =
    4 + entry_bytes_max * LoginThrottle::addresses_max +
    (entry_bytes_max + LoginThrottle::login_bytes_max) *
        (LoginThrottle::pairs_max + LoginThrottle::known_max);

}  // namespace pennypost::store
