// What a process asks the queue in order to hand a message over: Submit, and the file of a large
// body first.
//
// Each message is a struct with its answer inside: common/process/port.h carries it.
//
// SEE ALSO   ../process/queue.h (who answers)
#pragma once

#include <cstdint>
#include <string>

#include "common/process/port.h"
#include "smtpd/queue/envelope.h"

namespace pennypost::smtp {

inline constexpr std::size_t inline_body_bytes_max = 64 * 1024;  // larger bodies are files

/// Asks for a file to write a large body to; the descriptor comes beside the answer. Whoever writes
/// it also syncs it, before Submit.
struct OpenBody {
  static constexpr std::uint16_t type = 101;
  using Reply = Done;
  QueueId id{std::string()};
  template <class Archive>
  void fields(Archive& archive) {
    archive(id);
  }
};

/// Gives up the file of OpenBody, when the message is not submitted after all; posted, not called.
/// A file goes with the process that it was opened for, which alone can drop or submit it.
struct DropBody {
  static constexpr std::uint16_t type = 109;
  using Reply = Done;
  QueueId id{std::string()};
  template <class Archive>
  void fields(Archive& archive) {
    archive(id);
  }
};

/// A message whole; the answer says that it survives a power cut. Errors: 452 4.3.1 (no space),
/// 451, 501 (not a valid envelope). Recipients bear numbers of their own, all of kind Address.
struct Submit {
  static constexpr std::uint16_t type = 102;
  using Reply = Done;
  Envelope envelope;
  std::string body;  // empty when envelope.body_is_file
  template <class Archive>
  void fields(Archive& archive) {
    archive(envelope, body);
  }
};

}  // namespace pennypost::smtp
