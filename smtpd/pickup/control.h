// The requests of sendmail, mailq, postqueue, postsuper and postcat to the queue, over its Unix
// socket.
//
// The socket is QUEUE_DIRECTORY/socket, open to all users; the kernel tells the queue who is
// asking. Everybody may submit, list and flush, unless authorized_submit_users and its kin say
// otherwise; root and the queue's owner may also change, remove and read. Frames are those of
// common/net/message_socket.h; requests are encoded by wire.h and at most control_bytes_max long. A
// message is passed as a sealed memory file (memfd) with its request, so that neither side can make
// the other wait for bytes, nor change them afterwards.
//
// The answer to a request is a frame of type control_reply with its Reply, or control_error.
//
// SEE ALSO   control_server.h (the other end), drop_file.h (if the queue does not run)
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/base/wire.h"
#include "common/base/wire_error.h"
#include "common/net/message_socket.h"
#include "smtpd/queue/envelope.h"

namespace pennypost::smtp {

inline constexpr std::size_t control_bytes_max = 4 * 1024 * 1024;
inline constexpr std::size_t list_page_messages = 200;
inline constexpr std::uint16_t control_reply = 1;
inline constexpr std::uint16_t control_error = 2;
/// The code for a user who has too many connections: the request was not read.
inline constexpr std::int32_t control_busy = 421;
/// The code for a user who may not do that (authorized_submit_users and its kin).
inline constexpr std::int32_t control_denied = 530;

/// The envelope of a local program's message. Addresses without a domain get $myorigin.
struct LocalSubmission {
  std::string sender;  // empty: <>
  std::vector<std::string> recipients;
  std::uint8_t notify = notify_default;
  Ret ret = Ret::Unset;
  std::string envid;
  std::string verp;  // delimiters of a variable return path (../queue/verp.h), or empty
  template <class Archive>
  void fields(Archive& archive) {
    fields_of_first_form(archive);
    archive(verp);
  }
  template <class Archive>
  void fields_of_first_form(Archive& archive) {
    archive(sender, recipients, notify, ret, envid);
  }
};

/// Submits a message; its content, with LF line ends, is the memory file sent with the request.
struct PostMail {
  static constexpr std::uint16_t type = 201;
  struct Posted {
    std::string queue_id;
    template <class Archive>
    void fields(Archive& archive) {
      archive(queue_id);
    }
  };
  using Reply = Posted;
  LocalSubmission submission;
  template <class Archive>
  void fields(Archive& archive) {
    archive(submission);
  }
};

enum class QueueState : std::uint8_t { Active, Deferred, Hold, Incoming };
constexpr QueueState wire_last(QueueState) { return QueueState::Incoming; }

/// A page of the queue, oldest first.
struct ListQueue {
  static constexpr std::uint16_t type = 202;
  struct Waiting {
    std::string address;
    std::string reason;  // of the last attempt; may be empty
    template <class Archive>
    void fields(Archive& archive) {
      archive(address, reason);
    }
  };
  struct Entry {
    std::string id;
    QueueState state = QueueState::Incoming;
    std::int64_t arrival = 0;  // seconds since 1970
    std::uint64_t size = 0;
    bool is_to_expire = false;  // it is returned to its sender when its turn comes
    std::string sender;
    std::vector<Waiting> recipients;  // those that are pending
    template <class Archive>
    void fields(Archive& archive) {
      archive(id, state, arrival, size, is_to_expire, sender, recipients);
    }
  };
  struct Page {
    std::vector<Entry> entries;
    std::string next_after;  // empty: this was the last page
    /// How many messages are in the queue now. New ones are listed last, so a client that has seen
    /// this many has seen all that were there when it began, and can stop even if mail keeps
    /// coming.
    std::uint64_t waiting = 0;
    template <class Archive>
    void fields(Archive& archive) {
      archive(entries, next_after, waiting);
    }
  };
  using Reply = Page;
  std::string after;  // the id after which to begin; empty: from the start
  template <class Archive>
  void fields(Archive& archive) {
    archive(after);
  }
};

/// How much waits, and for whom mail was put off: what ListQueue would tell, in figures.
struct SummarizeQueue {
  static constexpr std::uint16_t type = 209;
  static constexpr std::size_t destinations_max = 20;
  struct Destination {
    std::string domain;            // in lower case; empty: this host
    std::uint64_t recipients = 0;  // pending, with a reason
    std::int64_t oldest = 0;       // when the first of their messages came, seconds since 1970
    std::string reason;            // of that one
    template <class Archive>
    void fields(Archive& archive) {
      archive(domain, recipients, oldest, reason);
    }
  };
  struct Summary {
    std::uint64_t messages = 0;
    std::vector<Destination> put_off;  // the destinations_max that wait longest, these first
    template <class Archive>
    void fields(Archive& archive) {
      archive(messages, put_off);
    }
  };
  using Reply = Summary;
  template <class Archive>
  void fields(Archive&) {}
};

/// How many messages a request affected.
struct Count {
  std::uint32_t messages = 0;
  template <class Archive>
  void fields(Archive& archive) {
    archive(messages);
  }
};

/// Tries delivery at once: of all mail, one message, or the mail for a domain.
struct FlushQueue {
  static constexpr std::uint16_t type = 203;
  using Reply = Count;
  std::string id;    // one message; may be empty
  std::string site;  // one domain; may be empty. Both empty: all mail
  template <class Archive>
  void fields(Archive& archive) {
    archive(id, site);
  }
};

enum class QueueChange : std::uint8_t { Hold, Release, Remove, Requeue, Expire, ExpireAndRelease };
constexpr QueueChange wire_last(QueueChange) { return QueueChange::ExpireAndRelease; }

/// For root and the queue's owner. Counts the messages that were changed: not those to hold that
/// were held already, nor those to release that were not held.
struct ChangeQueue {
  static constexpr std::uint16_t type = 204;
  using Reply = Count;
  QueueChange change = QueueChange::Hold;
  std::vector<std::string> ids;  // ids, ALL, `incoming`, `active`, `deferred` or `hold`
  template <class Archive>
  void fields(Archive& archive) {
    archive(change, ids);
  }
};

/// For root and the queue's owner: looks for damaged messages, removes the files of interrupted
/// receptions that are an hour old, or both.
struct RepairQueue {
  static constexpr std::uint16_t type = 207;
  struct Repaired {
    std::uint64_t files_removed = 0;
    std::uint64_t damaged = 0;          // messages
    std::vector<std::string> problems;  // `ID: what is wrong`, the first problems_max
    template <class Archive>
    void fields(Archive& archive) {
      archive(files_removed, damaged, problems);
    }
  };
  using Reply = Repaired;
  static constexpr std::size_t problems_max = 1000;
  bool is_check = false;
  bool is_purge = false;
  template <class Archive>
  void fields(Archive& archive) {
    archive(is_check, is_purge);
  }
};

/// For root and the queue's owner: returns the envelope, and the message as a memory file.
struct ReadMessage {
  static constexpr std::uint16_t type = 205;
  struct Content {
    Envelope envelope;
    std::vector<ListQueue::Waiting> recipients;
    template <class Archive>
    void fields(Archive& archive) {
      archive(envelope, recipients);
    }
  };
  using Reply = Content;
  std::string id;
  template <class Archive>
  void fields(Archive& archive) {
    archive(id);
  }
};

/// For root and the queue's owner: makes a copy of the queue as it is at one moment, for a backup,
/// in checkpoint_directory(): its database, and the bodies that are files. What was there is
/// removed. Files are hard links, so it takes little time and room.
struct MakeCheckpoint {
  static constexpr std::uint16_t type = 220;
  struct Made {
    template <class Archive>
    void fields(Archive&) {}
  };
  using Reply = Made;
  template <class Archive>
  void fields(Archive&) {}
};

/// Tells the queue that there is new mail in maildrop; sent by postdrop, not answered.
struct Pickup {
  static constexpr std::uint16_t type = 206;
  struct Nothing {
    template <class Archive>
    void fields(Archive&) {}
  };
  using Reply = Nothing;
  template <class Archive>
  void fields(Archive&) {}
};

/// The socket's path.
std::string queue_socket_path(const std::string& queue_directory);

/// Where MakeCheckpoint leaves its copy: `db` and `body`.
std::string checkpoint_directory(const std::string& queue_directory);

/// The client's end, for commands. Blocking.
class QueueClient {
 public:
  /// Error 451: no process serves the queue.
  static Result<QueueClient> connect(const std::string& queue_directory);
  /// Uses an existing connection.
  static QueueClient over(Descriptor socket) { return QueueClient(std::move(socket)); }

  template <class Request>
  Result<typename Request::Reply> call(const Request& request,
                                       std::vector<Descriptor> descriptors = {}) {
    TRY(auto message, exchange(Request::type, wire::encode(request), std::move(descriptors)));
    return wire::decode<typename Request::Reply>(message.body);
  }
  /// The same for an encoded request, with descriptors. Error control_busy: the request was not
  /// accepted and may be made in another way.
  Result<Message> exchange(std::uint16_t type, std::string body,
                           std::vector<Descriptor> descriptors);
  /// Sends without waiting for an answer.
  Result<void> post(std::uint16_t type);

 private:
  explicit QueueClient(Descriptor socket) : socket_(std::move(socket)) {}
  Descriptor socket_;
};

/// A memory file with these bytes, which can't be changed any more. Error 451.
Result<Descriptor> sealed_file(std::string_view bytes);
/// Whether a descriptor is such a file, so that reading it can't block and its bytes can't change.
bool is_sealed_file(const Descriptor& file);

}  // namespace pennypost::smtp
