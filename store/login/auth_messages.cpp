#include "store/login/auth_messages.h"

#include <algorithm>
#include <array>

#include "common/base/text.h"
#include "common/base/wire.h"

namespace pennypost::store {
namespace {

constexpr std::size_t entries_max =
    LoginThrottle::addresses_max + LoginThrottle::pairs_max + LoginThrottle::known_max;

struct WireEvent {
  bool is_success = false;
  std::string client;  // 4 or 16 bytes
  std::string login;
  std::int64_t when = 0;
  template <class Archive>
  void fields(Archive& archive) {
    archive(is_success, client, login, when);
  }
};

struct WireNotice {
  std::uint8_t kind = 0;
  std::string name;
  std::string text;
  std::vector<WireEvent> events;
  template <class Archive>
  void fields(Archive& archive) {
    archive(kind, name, text, events);
  }
};

struct WireEntry {
  std::uint8_t kind = 0;
  std::string client;
  std::string login;
  std::int64_t since = 0;
  std::int64_t last = 0;
  std::uint32_t count = 0;
  template <class Archive>
  void fields(Archive& archive) {
    archive(kind, client, login, since, last, count);
  }
};

struct WireState {
  std::vector<WireEntry> entries;
  template <class Archive>
  void fields(Archive& archive) {
    archive(entries);
  }
};

Error malformed(std::string_view what) {
  return Error::permanent("malformed notice between auth processes: " + std::string(what));
}

Result<IpAddress> parse_client(std::string_view bytes) {
  if (bytes.size() == 4) {
    std::array<std::uint8_t, 4> four{};
    std::ranges::copy(bytes, four.begin());
    return IpAddress::v4(four);
  }
  if (bytes.size() != 16) return malformed("address");
  std::array<std::uint8_t, 16> sixteen{};
  std::ranges::copy(bytes, sixteen.begin());
  return IpAddress::v6(sixteen);
}

}  // namespace

bool is_peer_name(std::string_view name) {
  return name.size() == peer_name_bytes &&
         std::ranges::all_of(name, [](char c) { return is_digit(c) || (c >= 'a' && c <= 'f'); });
}

std::string encode(const AuthNotice& notice) {
  WireNotice wired;
  wired.kind = static_cast<std::uint8_t>(notice.kind);
  wired.name = notice.name;
  wired.text = notice.text;
  for (const auto& event : notice.events) {
    wired.events.push_back({event.is_success, std::string(event.client.bytes()),
                            event.login.substr(0, LoginThrottle::login_bytes_max), event.when});
  }
  return wire::encode(wired);
}

Result<AuthNotice> parse_notice(std::string_view bytes) {
  if (bytes.size() > notice_bytes_max) return malformed("size");
  TRY(auto wired, wire::decode<WireNotice>(bytes));
  if (wired.kind > static_cast<std::uint8_t>(AuthNotice::Kind::Lift)) return malformed("kind");
  AuthNotice notice;
  notice.kind = static_cast<AuthNotice::Kind>(wired.kind);
  bool is_hello = notice.kind == AuthNotice::Kind::Hello;
  if (is_hello ? !is_peer_name(wired.name) : !wired.name.empty()) return malformed("name");
  if (wired.text.size() > notice_text_bytes_max) return malformed("text");
  if (wired.events.size() > events_max) return malformed("events");
  notice.name = std::move(wired.name);
  notice.text = std::move(wired.text);
  for (auto& wired_event : wired.events) {
    AuthEvent event;
    TRY(event.client, parse_client(wired_event.client));
    if (wired_event.login.size() > LoginThrottle::login_bytes_max) return malformed("login");
    event.is_success = wired_event.is_success;
    event.login = std::move(wired_event.login);
    event.when = wired_event.when;
    notice.events.push_back(std::move(event));
  }
  return notice;
}

std::string encode_state(const std::vector<ThrottleEntry>& entries) {
  ASSERT(entries.size() <= entries_max);
  WireState wired;
  wired.entries.reserve(entries.size());
  for (const auto& entry : entries) {
    wired.entries.push_back({static_cast<std::uint8_t>(entry.kind),
                             std::string(entry.client.bytes()), entry.login, entry.since,
                             entry.last, entry.count});
  }
  return wire::encode(wired);
}

Result<std::vector<ThrottleEntry>> parse_state(std::string_view bytes) {
  if (bytes.size() > state_bytes_max) return malformed("size of the state");
  TRY(auto wired, wire::decode<WireState>(bytes));
  if (wired.entries.size() > entries_max) return malformed("number of entries");
  std::vector<ThrottleEntry> entries;
  entries.reserve(wired.entries.size());
  for (auto& wired_entry : wired.entries) {
    ThrottleEntry entry;
    if (wired_entry.kind > static_cast<std::uint8_t>(ThrottleEntry::Kind::Known)) {
      return malformed("kind of an entry");
    }
    entry.kind = static_cast<ThrottleEntry::Kind>(wired_entry.kind);
    TRY(entry.client, parse_client(wired_entry.client));
    if (wired_entry.login.size() > LoginThrottle::login_bytes_max) return malformed("login");
    entry.login = std::move(wired_entry.login);
    entry.since = wired_entry.since;
    entry.last = wired_entry.last;
    entry.count = wired_entry.count;
    entries.push_back(std::move(entry));
  }
  return entries;
}

}  // namespace pennypost::store
