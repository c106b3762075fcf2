// The messages of a mailbox whose text a search must read, in the order of their numbers.
//
// Reading and searching a message concerns nothing but that message, so several threads may do it
// at the same time, each with a message of its own. All else, and the mailbox, is for one thread at
// a time: it adds messages at the end and takes those that are done from the front.
//
// A message of more than large_octets waits until it is the first, so that only one is in memory at
// a time.
//
// LIMITS     messages_max; a step's octets, and a message up to large_octets for each thread
// SEE ALSO   searcher.h (who asks the keys)
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>

#include "imapd/search/search_keys.h"
#include "imapd/search/subject.h"
#include "store/mailbox/mailbox.h"

namespace pennypost::imap {

class TextBatch {
 public:
  static constexpr std::size_t messages_max = 256;
  static constexpr std::uint64_t large_octets = 1 << 20;

  /// Both outlive it.
  TextBatch(store::Mailbox& mailbox, const PreparedKeys& keys) : mailbox_(mailbox), keys_(keys) {}

  /// A step of about so many octets of work begins.
  void begin_step(std::uint64_t octets);
  void spend(std::uint64_t octets) { budget_ -= static_cast<std::int64_t>(octets); }
  bool is_spent() const { return budget_ <= 0; }
  /// From now on a message that another program has locked is one that can't be read.
  void stop_waiting() { waits_ = false; }
  bool waits() const { return waits_; }

  bool empty() const { return subjects_.empty(); }
  std::size_t size() const { return subjects_.size(); }
  bool is_full() const { return subjects_.size() >= messages_max; }
  void add(std::unique_ptr<Subject> subject) { subjects_.push_back(std::move(subject)); }
  std::unique_ptr<Subject>& front() { return subjects_.front(); }
  void pop_front() { subjects_.pop_front(); }

  /// How many messages read() would read, if the step's octets allow.
  std::size_t unread() const;
  /// How many of them have been begun, and are in memory.
  std::size_t under_way() const;
  /// Reads and searches messages, a piece of one at least, until all are done or the step's octets
  /// are spent, or another program has one locked. Any number of threads may call it at the same
  /// time.
  void read();

 private:
  Subject* take();
  bool open(Subject& subject, std::unique_lock<std::mutex>& lock);

  store::Mailbox& mailbox_;
  const PreparedKeys& keys_;
  std::deque<std::unique_ptr<Subject>> subjects_;
  std::int64_t budget_ = 0;  // what is left of the step's octets
  bool waits_ = true;

  // Held by read(), but not while a thread works on its own message.
  std::mutex mutex_;
  std::size_t next_ = 0;    // the first message that no thread has taken in this step
  bool has_taken_ = false;  // some thread has one
  bool is_over_ = false;    // none is taken any more
};

}  // namespace pennypost::imap
