// What a master tells its children, over the control socket that each has.
#pragma once

#include <cstdint>
#include <string>

#include "common/process/port.h"

namespace pennypost::control {

/// The code of the master's Error where a process is wanted, all of its kind are busy, and the
/// kind's limit allows no other.
inline constexpr int all_busy = 452;

/// A new peer: the descriptor beside it is our end. Only the master says who is there.
struct NewPeer {
  static constexpr std::uint16_t type = 16;
  using Reply = Done;
  std::string kind;
  ProcessNumber process = master_process;
  template <class Archive>
  void fields(Archive& archive) {
    archive(kind, process);
  }
};

/// The configuration has changed; for kinds that live on. The log file's descriptor comes beside
/// it.
struct Reload {
  static constexpr std::uint16_t type = 17;
  using Reply = Done;
  std::string config;  // Config::to_text()
  template <class Archive>
  void fields(Archive& archive) {
    archive(config);
  }
};

/// Take nothing new, end what you have, and go.
struct Drain {
  static constexpr std::uint16_t type = 18;
  using Reply = Done;
  bool is_stop = false;       // the daemon ends; else a younger process has taken over
  std::uint32_t seconds = 0;  // then who is left is killed
  template <class Archive>
  void fields(Archive& archive) {
    archive(is_stop, seconds);
  }
};

/// How long has nothing been asked of you? For kinds that come and go with demand.
struct AskIdleness {
  static constexpr std::uint16_t type = 19;
  struct Answer {
    bool is_idle = false;
    std::uint64_t milliseconds = 0;
    template <class Archive>
    void fields(Archive& archive) {
      archive(is_idle, milliseconds);
    }
  };
  using Reply = Answer;
  template <class Archive>
  void fields(Archive&) {}
};

/// Another account needs your place: go, if you are idle; or, forced, as soon as you have done what
/// you are at.
struct MakeRoom {
  static constexpr std::uint16_t type = 20;
  struct Answer {
    bool leaves = false;
    template <class Archive>
    void fields(Archive& archive) {
      archive(leaves);
    }
  };
  using Reply = Answer;
  bool is_forced = false;
  template <class Archive>
  void fields(Archive& archive) {
    archive(is_forced);
  }
};

}  // namespace pennypost::control
