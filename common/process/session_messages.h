// Defines what `pennypost who` and `pennypost kick` ask the masters, and these the processes that
// talk with clients.
//
// SEE ALSO  traces.cpp (the masters' part), ../net/session_list.h (what processes answer from)
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/net/session_list.h"
#include "common/process/port.h"

namespace pennypost::control {

/// command -> master, and master -> children: which sessions of logged-in users are there? `masks`
/// as SessionMasks::parse() takes them.
struct ListSessions {
  static constexpr std::uint16_t type = 38;
  struct Answer {
    std::vector<OpenSession> sessions;
    template <class Archive>
    void fields(Archive& archive) {
      archive(sessions);
    }
  };
  using Reply = Answer;
  std::vector<std::string> masks;
  template <class Archive>
  void fields(Archive& archive) {
    archive(masks);
  }
};

/// Adds what a process answers to what others did, no more than sessions_told_max of all.
void add_sessions(ListSessions::Answer& all, ListSessions::Answer more);

/// The same way: end these sessions. The answer tells how many there were.
struct EndSessions {
  static constexpr std::uint16_t type = 39;
  struct Answer {
    std::uint64_t count = 0;
    template <class Archive>
    void fields(Archive& archive) {
      archive(count);
    }
  };
  using Reply = Answer;
  std::vector<std::string> masks;
  template <class Archive>
  void fields(Archive& archive) {
    archive(masks);
  }
};

/// Answers both from a list of sessions, which must outlive the services.
void serve_session_list(Services& services, SessionList& list);

}  // namespace pennypost::control
