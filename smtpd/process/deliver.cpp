#include "smtpd/process/deliver.h"

#include <sys/stat.h>
#include <unistd.h>

#include "smtpd/delivery/local.h"
#include "smtpd/delivery/messages.h"
#include "smtpd/delivery/pipe.h"

namespace pennypost::smtp {
namespace {

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
    store::KeepInInbox everything;
    store::KeepInFolder junk(config->junk_mailbox);
    store::DeliveryFilter& filter =
        attempt.envelope.is_junk ? static_cast<store::DeliveryFilter&>(junk) : everything;
    auto outcome = co_await child.loop().offload(
        [&] { return deliver_locally(*config, attempt, recipient, body, filter); });
    answer.outcomes.push_back(std::move(outcome));
  }
  co_return std::move(answer);
}

}  // namespace

void run_deliver(Child& child) {
  umask(077);
  Loop::set_offload_threads(static_cast<unsigned>(child.config()->delivery_threads));
  child.services("queue").on<Attempt>([&](Attempt attempt, std::vector<Descriptor> beside) {
    return attempt_delivery(child, std::move(attempt), std::move(beside));
  });
  child.leave_when_idle(child.config()->max_idle);
  child.run();
}

}  // namespace pennypost::smtp
