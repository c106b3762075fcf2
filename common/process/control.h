// Defines the messages between a master and its children on each child's control socket, and those
// from `pennypost reload` to a master.
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

/// The code of the master's Error if a process is wanted, all of its kind are busy, and the kind's
/// limit allows no more.
inline constexpr int all_busy = 452;

/// master -> child: a new peer; our end of the link is the descriptor. Only the master introduces
/// peers.
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

/// master -> child: a configuration that may come into force; for kinds that live on. The Error
/// says why this process could not serve with it. Until TakeConfig nothing changes.
struct TryConfig {
  static constexpr std::uint16_t type = 17;
  using Reply = Done;
  std::string config;  // Config::to_text()
  template <class Archive>
  void fields(Archive& archive) {
    archive(config);
  }
};

/// master -> child: the configuration tried last is in force. The log file's descriptor comes with
/// it.
struct TakeConfig {
  static constexpr std::uint16_t type = 21;
  using Reply = Done;
  template <class Archive>
  void fields(Archive&) {}
};

/// master -> child: the configuration tried last is dropped.
struct DropConfig {
  static constexpr std::uint16_t type = 22;
  using Reply = Done;
  template <class Archive>
  void fields(Archive&) {}
};

/// child -> master, once: whether it serves. One that does may still have problems, such as a table
/// that can't be read yet; for one that does not they are the reason.
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

/// master -> child: the configuration that this process was started with is in force.
struct Begin {
  static constexpr std::uint16_t type = 24;
  using Reply = Done;
  template <class Archive>
  void fields(Archive&) {}
};

/// command -> master: can you serve with the configuration as it is in the file now? The Error says
/// why not, one reason per line. If the connection ends without CommitReload, it is dropped.
struct TryReload {
  static constexpr std::uint16_t type = 25;
  using Reply = Done;
  template <class Archive>
  void fields(Archive&) {}
};

/// command -> master: use the configuration that you have tried.
struct CommitReload {
  static constexpr std::uint16_t type = 26;
  using Reply = Done;
  template <class Archive>
  void fields(Archive&) {}
};

/// master -> child: accept nothing new, finish, and end.
struct Drain {
  static constexpr std::uint16_t type = 18;
  using Reply = Done;
  bool is_stop = false;       // the daemon ends; else a younger process has taken over
  std::uint32_t seconds = 0;  // after that the process is killed
  template <class Archive>
  void fields(Archive& archive) {
    archive(is_stop, seconds);
  }
};

/// master -> child: how long have you been idle? For kinds that are started on demand.
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

/// master -> child: another account needs your place. End if you are idle or, if forced, as soon as
/// you have finished your work.
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

/// command -> master, and master -> children that talk with clients or servers: show what these say
/// and hear, on the socket that is the only descriptor (common/net/trace.h). For the master it
/// lasts as long as the command's connection.
struct Trace {
  static constexpr std::uint16_t type = 36;
  using Reply = Done;
  std::uint64_t number = 0;  // the master's
  std::string client;
  std::string user;
  std::string destination;
  template <class Archive>
  void fields(Archive& archive) {
    archive(number, client, user, destination);
  }
};

/// master -> child: nobody watches any more.
struct EndTrace {
  static constexpr std::uint16_t type = 37;
  using Reply = Done;
  std::uint64_t number = 0;
  template <class Archive>
  void fields(Archive& archive) {
    archive(number);
  }
};

/// child -> master: a process that can't reach syslogd asks for a connection, which is the answer's
/// only descriptor.
struct ConnectLog {
  static constexpr std::uint16_t type = 27;
  using Reply = Done;
  template <class Archive>
  void fields(Archive&) {}
};

}  // namespace pennypost::control
