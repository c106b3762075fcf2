#include "smtpd/process/deliver.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <optional>

#include "common/base/text.h"
#include "smtpd/delivery/local.h"
#include "smtpd/delivery/messages.h"
#include "smtpd/delivery/pipe.h"
#include "smtpd/delivery/room.h"
#include "store/filtering/sieve_filter.h"
#include "store/indexing/word_follower.h"

namespace pennypost::smtp {
namespace {

/// What was put aside as junk goes into junk_mailbox, and no script is asked: a user's rule must
/// not bring forged mail back to INBOX, nor answer it or send it on.
Outcome deliver_to(const Config& config, const Attempt& attempt, const Recipient& recipient,
                   int body, std::vector<std::string>& folders) {
  if (attempt.envelope.is_junk) {
    store::KeepInFolder junk(config.junk_mailbox);
    return deliver_locally(config, attempt, recipient, body, junk, &folders);
  }
  store::MessageOrigin origin;
  origin.login = attempt.envelope.sasl_username;
  origin.client_name = attempt.envelope.client_name;
  origin.client_address = attempt.envelope.client_address;
  store::SieveFilter scripts(config, attempt.route.account, std::move(origin));
  auto outcome = deliver_locally(config, attempt, recipient, body, scripts, &folders);
  bool is_piped = outcome.kind == OutcomeKind::Discarded && outcome.replies.empty() &&
                  !scripts.programs().empty();
  if (is_piped) outcome.reason = "piped to " + join(scripts.programs(), ", ") + " by filter";
  return outcome;
}

class Deliverer {
 public:
  explicit Deliverer(Child& child)
      : child_(child),
        threads_(static_cast<std::size_t>(child.config()->delivery_threads)),
        words_(child.loop(), process_of_follower(), times_for(*child.config())) {}

  Task<Result<Attempt::Outcomes>> attempt(Attempt attempt, std::vector<Descriptor> beside) {
    Child::Busy busy(child_);
    auto config = child_.config();
    int body = beside.empty() ? -1 : beside.front().number();
    if (attempt.envelope.body_is_file && body < 0) {
      co_return Error::temporary("4.3.0", "the message's file did not come with the attempt");
    }
    Attempt::Outcomes answer;
    answer.process = ::getpid();
    ThreadTaken taken(threads_taken_);
    if (attempt.route.transport == Transport::Program) {
      answer.outcomes =
          co_await child_.loop().offload([&] { return deliver_by_pipe(*config, attempt, body); });
      co_return std::move(answer);
    }
    for (const auto& recipient : attempt.envelope.recipients) {
      std::optional<store::NewMail> new_mail;
      auto outcome = co_await child_.loop().offload([&] {
        std::vector<std::string> folders;
        auto made = deliver_to(*config, attempt, recipient, body, folders);
        new_mail = store::mail_to_follow(config, attempt.route.account, std::move(folders));
        return made;
      });
      answer.outcomes.push_back(std::move(outcome));
      if (new_mail) words_.note(*std::move(new_mail));
    }
    co_return std::move(answer);
  }

  Task<Result<Room>> measure_room(MeasureRoom ask) {
    Child::Busy busy(child_);
    auto config = child_.config();
    ThreadTaken taken(threads_taken_);
    co_return co_await child_.loop().offload([&] { return room_for(*config, ask); });
  }

 private:
  /// Counts a request, which uses one thread at a time.
  class ThreadTaken {
   public:
    explicit ThreadTaken(std::size_t& count) : count_(count) { ++count_; }
    ThreadTaken(const ThreadTaken&) = delete;
    ThreadTaken& operator=(const ThreadTaken&) = delete;
    ~ThreadTaken() { --count_; }

   private:
    std::size_t& count_;
  };

  store::WordFollower::Process process_of_follower() {
    store::WordFollower::Process process;
    process.can_spare_thread = [this] { return threads_taken_ + 2 <= threads_; };
    process.is_delivering = [this] { return threads_taken_ > 0; };
    process.is_leaving = [this] { return child_.is_leaving(); };
    process.stay = [this] { return std::make_shared<Child::Busy>(child_); };
    return process;
  }

  /// While it waits for more mail the process counts as idle, so that it makes room for another
  /// account.
  static store::WordFollower::Times times_for(const Config& config) {
    store::WordFollower::Times times;
    times.quiet = std::min(times.quiet, Duration(config.max_idle) / 2);
    return times;
  }

  Child& child_;
  const std::size_t threads_;
  std::size_t threads_taken_ = 0;
  store::WordFollower words_;
};

}  // namespace

void run_deliver(Child& child) {
  umask(077);
  Loop::set_offload_threads(static_cast<unsigned>(child.config()->delivery_threads));
  Deliverer deliverer(child);
  child.services("queue").on<Attempt>([&](Attempt attempt, std::vector<Descriptor> beside) {
    return deliverer.attempt(std::move(attempt), std::move(beside));
  });
  child.services("queue").on<MeasureRoom>([&](MeasureRoom ask, std::vector<Descriptor>) {
    return deliverer.measure_room(std::move(ask));
  });
  child.leave_when_idle(child.config()->max_idle);
  child.run();
}

}  // namespace pennypost::smtp
