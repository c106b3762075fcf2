// The requests by which a process hands a message to the queue: Submit, and before it OpenBody for
// a large body.
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

/// Asks for a file to write a large body to; the descriptor comes with the answer. The process that
/// writes the file also syncs it, before Submit.
struct OpenBody {
  static constexpr std::uint16_t type = 101;
  using Reply = Done;
  QueueId id{std::string()};
  template <class Archive>
  void fields(Archive& archive) {
    archive(id);
  }
};

/// Gives up the file of OpenBody if the message is not submitted after all; posted, without waiting
/// for an answer. Only the process for which a file was opened can drop or submit it; when that
/// process ends, its files are removed.
struct DropBody {
  static constexpr std::uint16_t type = 109;
  using Reply = Done;
  QueueId id{std::string()};
  template <class Archive>
  void fields(Archive& archive) {
    archive(id);
  }
};

/// Tells postmaster by mail of a session with an error that notify_classes names; posted,
/// without waiting for an answer. The queue itself writes the mail, so that a process which speaks
/// with strangers can send nothing else by it. Error 501: it is larger than notice_bytes_max.
inline constexpr std::size_t notice_bytes_max = 128 * 1024;
struct PostNotice {
  static constexpr std::uint16_t type = 141;
  using Reply = Done;
  std::string role;        // ours in the session: `SMTP server`, `SMTP client`, `LMTP client`
  std::string peer;        // `client.example[192.0.2.1]`
  std::string transcript;  // Transcript::text()
  std::string reason;      // why the session was broken off; empty: it was not
  bool is_bounce = false;  // for bounce_notice_recipient, not error_notice_recipient
  template <class Archive>
  void fields(Archive& archive) {
    archive(role, peer, transcript, reason, is_bounce);
  }
};

/// ETRN: the mail that waits for a domain is due now. Answered at once.
struct FlushSite {
  static constexpr std::uint16_t type = 121;
  using Reply = Done;
  std::string site;
  template <class Archive>
  void fields(Archive& archive) {
    archive(site);
  }
};

/// Submits a whole message; the answer means that it survives a power cut. Errors: 452 4.3.1 (no
/// space), 451, 501 (not a valid envelope). Each recipient has a different number, and all are of
/// kind Address.
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
