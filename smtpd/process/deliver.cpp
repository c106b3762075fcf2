#include "smtpd/process/deliver.h"

#include <sys/stat.h>
#include <unistd.h>

#include "common/base/text.h"
#include "smtpd/delivery/local.h"
#include "smtpd/delivery/messages.h"
#include "smtpd/delivery/pipe.h"
#include "smtpd/delivery/room.h"
#include "store/filtering/sieve_filter.h"

namespace pennypost::smtp {
namespace {

/// What was put aside as junk goes into junk_mailbox, and no script is asked: a user's rule must
/// not bring forged mail back to INBOX, nor answer it or send it on.
Outcome deliver_to(const Config& config, const Attempt& attempt, const Recipient& recipient,
                   int body) {
  if (attempt.envelope.is_junk) {
    store::KeepInFolder junk(config.junk_mailbox);
    return deliver_locally(config, attempt, recipient, body, junk);
  }
  store::MessageOrigin origin;
  origin.login = attempt.envelope.sasl_username;
  origin.client_name = attempt.envelope.client_name;
  origin.client_address = attempt.envelope.client_address;
  store::SieveFilter scripts(config, attempt.route.account, std::move(origin));
  auto outcome = deliver_locally(config, attempt, recipient, body, scripts);
  bool is_piped = outcome.kind == OutcomeKind::Discarded && outcome.replies.empty() &&
                  !scripts.programs().empty();
  if (is_piped) outcome.reason = "piped to " + join(scripts.programs(), ", ") + " by filter";
  return outcome;
}

Task<Result<Attempt::Outcomes>> attempt_delivery(Child& child, Attempt attempt,
                                                 std::vector<Descriptor> beside) {
  Child::Busy busy(child);
  auto config = child.config();
  int body = beside.empty() ? -1 : beside.front().number();
  if (attempt.envelope.body_is_file && body < 0) {
    co_return Error::temporary("4.3.0", "the message's file did not come with the attempt");
  }
  Attempt::Outcomes answer;
  answer.process = ::getpid();
  if (attempt.route.transport == Transport::Program) {
    answer.outcomes =
        co_await child.loop().offload([&] { return deliver_by_pipe(*config, attempt, body); });
    co_return std::move(answer);
  }
  for (const auto& recipient : attempt.envelope.recipients) {
    auto outcome = co_await child.loop().offload(
        [&] { return deliver_to(*config, attempt, recipient, body); });
    answer.outcomes.push_back(std::move(outcome));
  }
  co_return std::move(answer);
}

Task<Result<Room>> measure_room(Child& child, MeasureRoom ask) {
  Child::Busy busy(child);
  auto config = child.config();
  co_return co_await child.loop().offload([&] { return room_for(*config, ask); });
}

}  // namespace

void run_deliver(Child& child) {
  umask(077);
  Loop::set_offload_threads(static_cast<unsigned>(child.config()->delivery_threads));
  child.services("queue").on<Attempt>([&](Attempt attempt, std::vector<Descriptor> beside) {
    return attempt_delivery(child, std::move(attempt), std::move(beside));
  });
  child.services("queue").on<MeasureRoom>([&](MeasureRoom ask, std::vector<Descriptor>) {
    return measure_room(child, std::move(ask));
  });
  child.leave_when_idle(child.config()->max_idle);
  child.run();
}

}  // namespace pennypost::smtp
