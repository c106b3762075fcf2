// What a master and its children tell each other over the control socket that each child has, and
// what `pennypost reload` asks a master.
//
// Start:   child -> Report, when it has all that it needs, or why it can't serve; then it ends
//          master -> Begin, to those who accept connections or answer them
// Reload:  master -> TryConfig, to the kinds that live on: load and open all, and say whether you
//          can serve so; of every other kind a new process is started, which reports. Where all
//          can, master -> TakeConfig and Begin; where one can't, DropConfig, and all is as before.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

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

/// A configuration that may come into force; for kinds that live on. The Error says why this
/// process could not serve under it. Until TakeConfig all goes on as before.
struct TryConfig {
  static constexpr std::uint16_t type = 17;
  using Reply = Done;
  std::string config;  // Config::to_text()
  template <class Archive>
  void fields(Archive& archive) {
    archive(config);
  }
};

/// What was tried last is in force from now on. The log file's descriptor comes beside it.
struct TakeConfig {
  static constexpr std::uint16_t type = 21;
  using Reply = Done;
  template <class Archive>
  void fields(Archive&) {}
};

/// What was tried last does not come into force.
struct DropConfig {
  static constexpr std::uint16_t type = 22;
  using Reply = Done;
  template <class Archive>
  void fields(Archive&) {}
};

/// child -> master, once: whether it serves. One that does may have problems still, such as a table
/// that can't be read yet; of one that doesn't they are the reason.
struct Report {
  static constexpr std::uint16_t type = 23;
  using Reply = Done;
  bool serves = false;
  std::vector<std::string> problems;
  template <class Archive>
  void fields(Archive& archive) {
    archive(serves, problems);
  }
};

/// The configuration that this process was started with is in force.
struct Begin {
  static constexpr std::uint16_t type = 24;
  using Reply = Done;
  template <class Archive>
  void fields(Archive&) {}
};

/// command -> master: can you serve with the configuration as it is in the file now? The Error says
/// why not, one reason a line. The connection's end without CommitReload means no.
struct TryReload {
  static constexpr std::uint16_t type = 25;
  using Reply = Done;
  template <class Archive>
  void fields(Archive&) {}
};

/// command -> master: take what you have tried.
struct CommitReload {
  static constexpr std::uint16_t type = 26;
  using Reply = Done;
  template <class Archive>
  void fields(Archive&) {}
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

/// A process that can't reach syslogd asks for a connection: the answer's one descriptor.
struct ConnectLog {
  static constexpr std::uint16_t type = 27;
  using Reply = Done;
  template <class Archive>
  void fields(Archive&) {}
};

}  // namespace pennypost::control
