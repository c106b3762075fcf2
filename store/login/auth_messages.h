// Encodes and parses what auth processes tell each other about wrong and right passwords.
//
// A notice is one datagram; the whole state is a list of entries, which is also what the file holds
// that outlives a restart. Parsing trusts nothing: sizes, kinds, addresses and lengths are checked,
// and anything wrong is an Error.
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
/// How many events of the greatest length fit into a notice.
inline constexpr std::size_t events_max = 150;
/// Length of AuthNotice::text: what to lift may be an address or a login.
inline constexpr std::size_t notice_text_bytes_max = LoginThrottle::login_bytes_max;
inline constexpr std::size_t peer_name_bytes = 16;

/// A wrong or right password.
struct AuthEvent {
  bool is_success = false;
  IpAddress client = IpAddress::loopback4();
  std::string login;      // empty: none was named
  std::int64_t when = 0;  // microseconds since 1970
};

struct AuthNotice {
  enum class Kind : std::uint8_t {
    Events,  ///< what happened in the sender's process
    Hello,   ///< a process starts: send it events from now on, and the state through the descriptor
    State,   ///< send the state through the descriptor
    Lift,    ///< forget `text` (empty: everything), and send how many entries that were
  };
  Kind kind = Kind::Events;
  std::string name;  // Hello: the sender's socket, peer_name_bytes of 0-9a-f
  std::string text;
  std::vector<AuthEvent> events;
};

std::string encode(const AuthNotice& notice);
Result<AuthNotice> parse_notice(std::string_view bytes);
/// Whether it is a valid socket name.
bool is_peer_name(std::string_view name);

std::string encode_state(const std::vector<ThrottleEntry>& entries);
Result<std::vector<ThrottleEntry>> parse_state(std::string_view bytes);
/// The most bytes of an entry without its login, and of what encode_state() returns.
inline constexpr std::size_t entry_bytes_max = 1 + 4 + 16 + 4 + 20;
inline constexpr std::size_t state_bytes_max =
    4 + entry_bytes_max * LoginThrottle::addresses_max +
    (entry_bytes_max + LoginThrottle::login_bytes_max) *
        (LoginThrottle::pairs_max + LoginThrottle::known_max);

}  // namespace pennypost::store
