// The durable queue: keeps messages on disk so that they survive a stop or a crash, and salvages a
// damaged database.
//
//   DIRECTORY/db         the database (record.h)
//   DIRECTORY/body       bodies too large for it
//   DIRECTORY/checkpoint a copy for a backup, while that is made
//   DIRECTORY/ballast    space reserved for when the disk is full
//   DIRECTORY/maildrop   mail submitted while the server was down (../pickup/pickup.h)
//
// open() waits for a previous process that still holds the lock, salvages a damaged log (it keeps a
// copy and warns of what is missing), removes orphans, and returns what is waiting. After a stop
// that was not orderly every waiting message is `is_uncertain`: its last attempt may have
// succeeded.
//
// SEE ALSO   committer.h (what happens when the disk is full), ../scheduler/scheduler.h
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/async/loop.h"
#include "common/base/clock.h"
#include "common/config/config.h"
#include "smtpd/queue/ballast.h"
#include "smtpd/queue/body_files.h"
#include "smtpd/queue/committer.h"
#include "smtpd/queue/queued_message.h"
#include "store/kv/database.h"

namespace pennypost::smtp {

inline constexpr std::chrono::seconds predecessor_seconds{10};
inline constexpr std::size_t list_recipients_max = 20'000;  // see Queue::list()

/// A message's body: its bytes, or its file.
struct QueuedBody {
  std::string bytes;
  Descriptor file;
};

class Queue {
 public:
  struct Options {
    std::filesystem::path directory;
    std::uint64_t ballast_bytes = 0;
    std::uint64_t free_bytes_min = 0;                           // queue_minfree
    std::chrono::microseconds quick_commit = quick_commit_max;  // 0: the loop makes none
    std::chrono::milliseconds lock_wait = predecessor_seconds;  // for who has it open
  };
  /// What is known about a waiting message without loading it.
  struct Waiting {
    QueueId id;
    std::int64_t due = 0;          // seconds since 1970
    std::uint32_t recipients = 0;  // that are pending, or if it is new, of the envelope
    bool is_held = false;
    bool is_new = false;  // never tried
  };
  struct Opened;

  /// Blocks; for the start of the process. Errors: 450 (still locked), 452, 451 (also for a queue
  /// stored in another format).
  static Result<Opened> open(Loop& loop, const Options& options, const Clock& clock);
  ~Queue();
  Queue(const Queue&) = delete;
  Queue& operator=(const Queue&) = delete;

  /// For a reload that changes queue_minfree.
  void set_free_bytes_min(std::uint64_t bytes) { options_.free_bytes_min = bytes; }

  /// Creates a file for a large body. Errors: 452, 451, 501 (not a queue id).
  Task<Result<Descriptor>> open_body(QueueId id);
  /// Removes the file of an interrupted reception, if no message has it.
  Task<> drop_body(QueueId id);
  /// Accepts a message; when it returns, the message survives a power cut. Errors: 452, 451, and
  /// 501 for an envelope that no honest process sends. `extra` is committed with it.
  Task<Result<void>> submit(Envelope envelope, std::string body, Changes extra);

  /// The message in its present state; nothing if there is none. Errors: 451; 453 (damaged).
  Task<Result<std::optional<QueuedMessage>>> load(QueueId id);
  /// What is damaged about a message, with its id; nothing if it is sound or not there any more.
  /// Error 451: the disk can't be read.
  Task<Result<std::optional<std::string>>> find_damage(QueueId id);
  /// The changes that remove everything of a message that can't be loaded.
  Task<Changes> removal(QueueId id);
  /// Errors: 451; 453 (damaged or gone).
  Task<Result<QueuedBody>> body(const Envelope& envelope);
  /// The first `bytes_max` bytes of the message as it will be sent, pieces joined.
  Task<Result<std::string>> text(const Envelope& envelope, std::uint64_t bytes_max);
  /// Whether the database has the key. Error 451.
  Task<Result<bool>> has(std::string key);
  /// Returns once the changes survive a power cut. With `can_wait`, they may wait up to soon_max
  /// for a commit that happens anyway.
  Task<> record(Changes changes, bool can_wait = false);

  struct Listed {
    Envelope envelope;
    std::optional<MessageRecord> record;
    std::vector<RecipientRecord> outcomes;
  };
  /// Messages that arrived after `after`, in order of arrival: at most `count`, and no further one
  /// once they have list_recipients_max recipients. Empty: there are no more. Error 451.
  Task<Result<std::vector<Listed>>> list(QueueId after, std::size_t count);

  /// Mail for a domain that was tried and waits.
  struct PutOff {
    std::string domain;  // in lower case; empty: this host
    std::uint64_t recipients = 0;
    std::int64_t oldest = 0;  // when the first of their messages came, in seconds since 1970
    std::string reason;       // why that one waits
  };
  /// The `domains_max` domains whose mail waits longest, these first. Error 451.
  Task<Result<std::vector<PutOff>>> put_off(std::size_t domains_max);

  /// Makes a copy of the queue at one moment in DIRECTORY/checkpoint: `db`, and `body` with the
  /// files of its messages. One from before is removed. Errors: 452, 451.
  Task<Result<void>> make_checkpoint();
  /// Records on disk that nothing is uncertain. No attempt may be under way.
  Task<> note_orderly_stop();
  Committer& committer() { return *committer_; }
  const std::filesystem::path& directory() const { return options_.directory; }
  /// Removes the files of receptions that were interrupted long ago; returns how many.
  Task<std::size_t> remove_orphans();

 private:
  Queue(Loop& loop, Options options, store::Database database, BodyFiles files);
  Result<void> check_form();
  Result<void> erase_remains(const std::function<bool(const QueueId&)>& is_known,
                             std::vector<std::string>& warnings);
  Result<void> check_room();
  Result<void> check_body_file(const Envelope& envelope) const;
  Result<std::optional<QueuedMessage>> read(const QueueId& id) const;
  Result<std::optional<std::string>> look_for_damage(const QueueId& id) const;
  Result<std::vector<RecipientRecord>> read_outcomes(const QueueId& id) const;
  Result<QueuedBody> read_body(const Envelope& envelope) const;
  Result<std::string> read_text(const Envelope& envelope, std::uint64_t bytes_max) const;
  Result<std::vector<Listed>> read_list(const QueueId& after, std::size_t count) const;
  Result<std::vector<PutOff>> read_put_off(std::size_t domains_max) const;
  Result<std::vector<Waiting>> read_waiting() const;
  Result<void> write_checkpoint();

  Loop& loop_;
  Options options_;
  store::Database database_;
  BodyFiles files_;
  Ballast ballast_;
  std::unique_ptr<Committer> committer_;
  SteadyTime next_look_for_room_{};
  bool has_room_ = true;
};

struct Queue::Opened {
  std::unique_ptr<Queue> queue;
  std::vector<Waiting> waiting;
  bool was_stopped_orderly = false;
  std::vector<std::string> warnings;  // for the log: what was lost, what was removed
};

/// The queue's directory and the space that it reserves, from the configuration.
Queue::Options queue_options(const Config& config);

}  // namespace pennypost::smtp
