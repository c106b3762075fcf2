// The requests of `receive` to `queue` about strangers that have passed the tests before a session,
// so that all receive processes know them, also after a restart.
//
// SEE ALSO   fact_store.h (where they are kept), ../inbound/screen.h (the tests)
#pragma once

#include <cstdint>
#include <string>

#include "common/process/port.h"

namespace pennypost::smtp {

/// The time up to which each test counts as passed, in seconds since 1970; 0: it was never passed.
struct PassedTests {
  std::int64_t greet = 0;
  std::int64_t dnsbl = 0;
  std::int64_t pipelining = 0;
  std::int64_t non_smtp = 0;
  std::int64_t bare_newline = 0;
  friend bool operator==(const PassedTests&, const PassedTests&) = default;
  template <class Archive>
  void fields(Archive& archive) {
    archive(greet, dnsbl, pipelining, non_smtp, bare_newline);
  }
};

/// Asks which tests a client has passed. One of which nothing is known has passed none.
struct RecallClient {
  static constexpr std::uint16_t type = 124;
  using Reply = PassedTests;
  std::string address;
  template <class Archive>
  void fields(Archive& archive) {
    archive(address);
  }
};

/// Tells which tests a client has passed, in place of what was known; posted, without waiting for
/// an answer.
struct NotePassed {
  static constexpr std::uint16_t type = 125;
  using Reply = Done;
  std::string address;
  PassedTests tests;
  template <class Archive>
  void fields(Archive& archive) {
    archive(address, tests);
  }
};

}  // namespace pennypost::smtp
