// What sendmail, mailq, postqueue, postsuper and postcat ask the queue, over its own Unix socket.
//
// The socket is QUEUE_DIRECTORY/socket, open to all; the kernel tells the queue who asks. Everybody
// may post, list and flush; root and the queue's owner may change, remove and read. Frames are
// those of common/net/message_socket.h, requests of wire.h's form, at most control_bytes_max long.
// A message travels as a sealed memory file (memfd) beside its request, so that neither side can
// make the other wait for bytes, nor change them afterwards.
//
// The answer to a request is a frame of type control_reply with its Reply, or control_error.
//
// SEE ALSO   control_server.h (the other end), drop_file.h (when nobody answers)
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
/// The code for a user who has too many connections: the request was not looked at.
inline constexpr std::int32_t control_busy = 421;

/// An envelope as a local program gives it. Addresses without a domain get $myorigin.
struct Posting {
  std::string sender;  // empty: <>
  std::vector<std::string> recipients;
  std::uint8_t notify = notify_default;
  Ret ret = Ret::Unset;
  std::string envid;
  template <class Archive>
  void fields(Archive& archive) {
    archive(sender, recipients, notify, ret, envid);
  }
};

/// Takes a message in; its bytes, with LF line ends, are the memory file beside the request.
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
  Posting posting;
  template <class Archive>
  void fields(Archive& archive) {
    archive(posting);
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
    std::string sender;
    std::vector<Waiting> recipients;  // those not done
    template <class Archive>
    void fields(Archive& archive) {
      archive(id, state, arrival, size, sender, recipients);
    }
  };
  struct Page {
    std::vector<Entry> entries;
    std::string next_after;  // empty: this was the last page
    /// How many messages wait now. New ones are listed behind them: who has seen so many has seen
    /// all that waited when the list was begun, and may not wait for mail to stop coming.
    std::uint64_t waiting = 0;
    template <class Archive>
    void fields(Archive& archive) {
      archive(entries, next_after, waiting);
    }
  };
  using Reply = Page;
  std::string after;  // the id behind which to begin; empty: from the start
  template <class Archive>
  void fields(Archive& archive) {
    archive(after);
  }
};

/// How many messages a request concerned.
struct Count {
  std::uint32_t messages = 0;
  template <class Archive>
  void fields(Archive& archive) {
    archive(messages);
  }
};

/// Tries at once: everything, one message, or what goes to a domain.
struct FlushQueue {
  static constexpr std::uint16_t type = 203;
  using Reply = Count;
  std::string id;    // empty: not one message
  std::string site;  // empty: not one domain
  template <class Archive>
  void fields(Archive& archive) {
    archive(id, site);
  }
};

enum class QueueChange : std::uint8_t { Hold, Release, Remove, Requeue };
constexpr QueueChange wire_last(QueueChange) { return QueueChange::Requeue; }

/// For root and the queue's owner. Counts those that were changed: none is held twice, and only
/// what is held is released.
struct ChangeQueue {
  static constexpr std::uint16_t type = 204;
  using Reply = Count;
  QueueChange change = QueueChange::Hold;
  std::vector<std::string> ids;  // or ALL, or `incoming`, `active`, `deferred`, `hold`
  template <class Archive>
  void fields(Archive& archive) {
    archive(change, ids);
  }
};

/// For root and the queue's owner: the envelope, and the message in a memory file beside it.
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

/// Mail was left in maildrop; posted by postdrop, not answered.
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

/// The socket's place.
std::string queue_socket_path(const std::string& queue_directory);

/// The asking end, for commands: blocking.
class QueueClient {
 public:
  /// Error 451: nobody serves the queue.
  static Result<QueueClient> connect(const std::string& queue_directory);
  /// Over a connection that is there already.
  static QueueClient over(Descriptor socket) { return QueueClient(std::move(socket)); }

  template <class Request>
  Result<typename Request::Reply> call(const Request& request,
                                       std::vector<Descriptor> descriptors = {}) {
    TRY(auto message, exchange(Request::type, wire::encode(request), std::move(descriptors)));
    return wire::decode<typename Request::Reply>(message.body);
  }
  /// The same with the descriptors beside the answer. Error control_busy: the request was not
  /// taken, and may go another way.
  Result<Message> exchange(std::uint16_t type, std::string body,
                           std::vector<Descriptor> descriptors);
  /// Sends without waiting for an answer.
  Result<void> post(std::uint16_t type);

 private:
  explicit QueueClient(Descriptor socket) : socket_(std::move(socket)) {}
  Descriptor socket_;
};

/// A memory file with these bytes that nobody can change any more. Error 451.
Result<Descriptor> sealed_file(std::string_view bytes);
/// Whether a descriptor is such a file, so that reading it neither waits nor surprises.
bool is_sealed_file(const Descriptor& file);

}  // namespace pennypost::smtp
