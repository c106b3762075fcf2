// The requests by which a process hands a message to the queue: Submit or Deliver, and before them
// OpenBody for a large body.
//
// Each message is a struct with its answer inside: common/process/port.h carries it.
//
// SEE ALSO   ../process/queue.h (who answers)
#pragma once

#include <cstdint>
#include <string>
#include <vector>

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

/// Asks for a connection to the Unix socket that is smtpd_proxy_filter of a service; it comes with
/// the answer. Errors are temporary.
struct ConnectFilter {
  static constexpr std::uint16_t type = 123;
  using Reply = Done;
  std::string service;  // its name
  template <class Archive>
  void fields(Archive& archive) {
    archive(service);
  }
};

/// What became of a recipient of an LMTP client's message, as its reply.
struct Fate {
  std::uint16_t code = 0;
  std::string status;  // enhanced status code
  std::string text;
  template <class Archive>
  void fields(Archive& archive) {
    archive(code, status, text);
  }
};

/// Submits a message for a client who waits for its delivery (RFC 2033 section 4.2), and is
/// answered after the first attempt to deliver it. Recipients whose fate is 4xx or 5xx have left
/// the queue without a report: they are the client's again. After deliver_wait_max the message is
/// the queue's like any other, and the fates are 250. Errors as for Submit.
struct Deliver {
  static constexpr std::uint16_t type = 122;
  struct Fates {
    std::vector<Fate> fates;
    template <class Archive>
    void fields(Archive& archive) {
      archive(fates);
    }
  };
  using Reply = Fates;
  Submit message;
  /// The numbers of the recipients whose fates are asked for, in the order of the answer. One that
  /// the envelope does not have shares the worst fate of the others.
  std::vector<std::uint32_t> recipients;
  template <class Archive>
  void fields(Archive& archive) {
    archive(message, recipients);
  }
};

}  // namespace pennypost::smtp
