// What a master tells its children, over the control socket that each has.
#pragma once

#include <cstdint>
#include <string>

#include "common/process/port.h"

namespace pennypost::control {

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

}  // namespace pennypost::control
