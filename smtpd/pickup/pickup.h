// Submits the messages of local programs to the queue: those that sendmail sends over the socket,
// and those that postdrop left in maildrop.
//
// Addresses without a domain get $myorigin, header_checks apply, canonical maps rewrite the sender
// and the header, and a Received field names the user, as for a message by SMTP
// (../queue/incoming_header.h, posted_lines.h). A message is refused for good if it is too large,
// has no recipient or too many Received fields, or if header_checks refuse it. A malformed
// recipient address bounces, like any other that can't be delivered to.
//
// Pennypost's own mail (reports, delay warnings) does not come this way: no table can refuse it.
//
// STANDARDS  RFC 5321 section 4.4 (Received), section 6.3 (loops)
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "common/base/clock.h"
#include "common/base/descriptor.h"
#include "common/config/config.h"
#include "common/net/stream.h"
#include "smtpd/pickup/control.h"
#include "smtpd/policy/content_checks.h"
#include "smtpd/policy/messages.h"
#include "smtpd/policy/outgoing_messages.h"
#include "smtpd/queue/header_draft.h"
#include "smtpd/queue/queue.h"
#include "smtpd/routing/messages.h"
#include "smtpd/scheduler/scheduler.h"

namespace pennypost::smtp {

/// How often maildrop is scanned when wake() is not called.
inline constexpr std::chrono::seconds maildrop_round{60};
/// A file that postdrop has not finished after this time is removed.
inline constexpr std::chrono::hours unfinished_drop_max{24};

class PickupDesk {
 public:
  /// Requests to the lookup process about a message.
  struct Ask {
    std::function<Task<Result<Canonicalize::Rewritten>>(Canonicalize)> canonicalize;
    std::function<Task<Result<CheckContent::Findings>>(CheckContent)> check_content;
    std::function<Task<Result<CheckUser::Answer>>(CheckUser)> check_user;
    std::function<Task<Result<CheckSubmitter::Answer>>(CheckSubmitter)> check_submitter;
    /// Connects to one of non_smtpd_milters, by its number.
    std::function<Task<Result<std::unique_ptr<Stream>>>(std::uint32_t)> connect_milter;
    /// Counts a message of a user to these recipients. Error 450: it is too much. Empty: nothing
    /// is counted, nobody is blocked, and check_submitter is not called.
    std::function<Task<Result<void>>(std::string user, std::vector<Recipient> recipients)>
        count_outgoing;
  };
  /// For use without a lookup process: messages that need an answer wait in maildrop.
  static Ask ask_later();
  PickupDesk(Loop& loop, Queue& queue, Scheduler& scheduler,
             std::function<std::shared_ptr<const Config>()> config, Ask ask, const Clock& clock);

  /// Submits a message: `bytes` of a file, from `offset` on. `extra` is committed with it. Returns
  /// its queue id, also if header_checks discard it. Errors: 501, control_denied, 550, 552, 554
  /// (refused for good), 452, 451, control_busy.
  Task<Result<QueueId>> take(LocalSubmission submission, std::uint32_t uid, const Descriptor& file,
                             std::uint64_t offset, std::uint64_t bytes, Changes extra);

  /// Whether this user may do that. Errors: control_denied, control_busy (it can't be told now).
  Task<Result<void>> allow(LocalRight right, std::uint32_t uid);

  /// Submits everything in maildrop. Each file is submitted exactly once and removed after the
  /// commit.
  Task<> empty_maildrop();
  /// Calls empty_maildrop() at once, after every wake(), and every maildrop_round.
  Task<> run();
  void wake() { woken_.notify_all(); }

 private:
  struct Drop {
    std::string name;
    LocalSubmission submission;
    std::uint32_t uid = 0;
    Descriptor file;
    std::uint64_t offset = 0;
    std::uint64_t bytes = 0;
  };
  struct Content {
    std::string front;        // at most header_block_bytes_max
    std::uint64_t bytes = 0;  // the size of the whole
    std::uint64_t line_ends = 0;
    bool is_8bit = false;
    std::optional<std::string> rewritten;  // the whole, if a milter has replaced the body
  };
  class Posted;
  static Result<Content> copy(const Descriptor& from, std::uint64_t offset, std::uint64_t bytes,
                              const Descriptor& to, const Config& config);
  static Result<HeaderDraft> draft_header(const Content& content, std::uint32_t uid,
                                          const Config& config, const Envelope& envelope);
  Task<Result<void>> rewrite(std::shared_ptr<const Config> config, HeaderDraft& header,
                             Envelope& envelope);
  static void describe(const Content& content, HeaderDraft header, const Config& config,
                       Envelope& envelope);
  Task<Result<std::string>> name_submitter(std::uint32_t uid);
  Task<Result<CheckUser::Answer>> ask_about(LocalRight right, std::uint32_t uid);
  struct Understood {
    bool is_discarded = false;
  };
  static Result<std::string> part_of(const Content& content, const Descriptor& file,
                                     std::uint64_t at);
  static Result<void> apply(ContentVerdict verdict, HeaderDraft& header, Envelope& envelope);
  Task<Result<bool>> check_content(const Content& content, const Descriptor& file,
                                   std::shared_ptr<const Config> config, HeaderDraft& header,
                                   Envelope& envelope);
  Task<Result<bool>> show_milters(Content& content, Descriptor& file,
                                  std::shared_ptr<const Config> config, HeaderDraft& header,
                                  Envelope& envelope);
  Task<Result<Understood>> understand(Content& content, Descriptor& file, std::uint32_t uid,
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
