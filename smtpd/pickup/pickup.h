// Takes the messages of local programs into the queue: what sendmail hands over the socket, and
// what postdrop left in maildrop.
//
// Addresses without a domain get $myorigin. header_checks apply, canonical maps rewrite the sender
// and the header, and a Received field says which user it was, all as for a message that comes by
// SMTP (../queue/incoming_header.h, posted_lines.h). A message is refused for good when it is too
// large, has no recipient, has gone round too often, or when header_checks refuse it. A recipient
// that is no address bounces, like any other that can't be reached.
//
// Mail that Pennypost itself sends (reports, delay warnings) does not come this way: no table
// refuses it.
//
// STANDARDS  RFC 5321 section 4.4 (Received), section 6.3 (loops)
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "common/base/clock.h"
#include "common/base/descriptor.h"
#include "common/config/config.h"
#include "smtpd/pickup/control.h"
#include "smtpd/policy/header_checks.h"
#include "smtpd/queue/header_draft.h"
#include "smtpd/queue/queue.h"
#include "smtpd/routing/messages.h"
#include "smtpd/scheduler/scheduler.h"

namespace pennypost::smtp {

/// How often maildrop is looked at without being told.
inline constexpr std::chrono::seconds maildrop_round{60};
/// A file that postdrop has not finished after this time is an orphan.
inline constexpr std::chrono::hours unfinished_drop_max{24};

class PickupDesk {
 public:
  /// What the lookup process is asked about a message.
  struct Ask {
    std::function<Task<Result<Canonicalize::Rewritten>>(Canonicalize)> canonicalize;
    std::function<Task<Result<CheckHeader::Findings>>(CheckHeader)> check_header;
  };
  /// Where there is no such process: what needs an answer waits in maildrop.
  static Ask ask_later();
  PickupDesk(Loop& loop, Queue& queue, Scheduler& scheduler,
             std::function<std::shared_ptr<const Config>()> config, Ask ask, const Clock& clock);

  /// Takes a message in from a file whose bytes from `offset` on are the message. `extra` is
  /// committed along. The answer is its queue id, also of one that header_checks discard. Errors:
  /// 501, 550, 552, 554 (refused for good), 452, 451.
  Task<Result<QueueId>> take(Posting posting, std::uint32_t uid, const Descriptor& file,
                             std::uint64_t offset, std::uint64_t bytes, Changes extra);

  /// Takes in all that postdrop has left; a file is removed once its message is committed, and
  /// taken in exactly once.
  Task<> empty_maildrop();
  /// empty_maildrop() now, whenever wake() was called, and every maildrop_round.
  Task<> run();
  void wake() { woken_.notify_all(); }

 private:
  struct Drop {
    std::string name;
    Posting posting;
    std::uint32_t uid = 0;
    Descriptor file;
    std::uint64_t offset = 0;
    std::uint64_t bytes = 0;
  };
  struct Content {
    std::string front;        // at most header_block_bytes_max of it
    std::uint64_t bytes = 0;  // of the whole
    std::uint64_t line_ends = 0;
    bool is_8bit = false;
  };
  static Result<Content> copy(const Descriptor& from, std::uint64_t offset, std::uint64_t bytes,
                              const Descriptor& to, const Config& config);
  static Result<HeaderDraft> draft_header(const Content& content, std::uint32_t uid,
                                          const Config& config, const Envelope& envelope);
  Task<Result<void>> rewrite(std::shared_ptr<const Config> config, HeaderDraft& header,
                             Envelope& envelope);
  static void describe(const Content& content, HeaderDraft header, const Config& config,
                       Envelope& envelope);
  struct Understood {
    bool is_discarded = false;
  };
  Task<Result<HeaderVerdict>> check_header(HeaderDraft& header, Envelope& envelope);
  Task<Result<Understood>> understand(const Content& content, std::uint32_t uid,
                                      std::shared_ptr<const Config> config, Envelope& envelope);
  std::vector<std::string> names() const;
  Result<Drop> open(const std::string& name) const;
  Task<Result<QueueId>> take_open(Result<Drop> opened, std::string key);
  Task<bool> take_drop(std::string name);
  Task<> wait_for_wake() { co_await woken_.wait(); }
  std::string maildrop() const { return queue_.directory() / "maildrop"; }

  Loop& loop_;
  Queue& queue_;
  Scheduler& scheduler_;
  std::function<std::shared_ptr<const Config>()> config_;
  Ask ask_;
  const Clock& clock_;
  Event woken_;
};

}  // namespace pennypost::smtp
