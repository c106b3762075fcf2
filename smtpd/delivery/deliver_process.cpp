#include "smtpd/delivery/deliver_process.h"

#include <sys/stat.h>
#include <unistd.h>

#include "smtpd/delivery/local.h"
#include "smtpd/messages.h"

namespace pennypost::smtp {
namespace {

/// What the process is at, and how much it has done.
struct Work {
  std::uint64_t attempts = 0;
  std::size_t running = 0;
};

class Running {
 public:
  explicit Running(Work& work) : work_(work) {
    ++work_.attempts;
    ++work_.running;
  }
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;
  ~Running() { --work_.running; }

 private:
  Work& work_;
};

Task<Result<Attempt::Outcomes>> attempt_delivery(Child& child, Work& work, Attempt attempt,
                                                 std::vector<Descriptor> beside) {
  Running running(work);
  auto config = child.config();
  int body = beside.empty() ? -1 : beside.front().number();
  if (attempt.envelope.body_is_file && body < 0) {
    co_return Error::temporary("4.3.0 a large message came without its file");
  }
  Attempt::Outcomes answer;
  answer.process = ::getpid();
  for (const auto& recipient : attempt.envelope.recipients) {
    auto outcome = co_await child.loop().offload(
        [&] { return deliver_locally(*config, attempt, recipient, body); });
    answer.outcomes.push_back(std::move(outcome));
  }
  co_return std::move(answer);
}

}  // namespace

void run_deliver(Child& child) {
  umask(077);
  Loop::set_offload_threads(static_cast<unsigned>(child.config()->delivery_threads));
  Work work;
  child.services("queue").on<Attempt>([&](Attempt attempt, std::vector<Descriptor> beside) {
    return attempt_delivery(child, work, std::move(attempt), std::move(beside));
  });
  child.leave_when_idle(
      child.config()->max_idle, [&work] { return work.attempts; },
      [&work] { return work.running > 0; });
  child.run();
}

}  // namespace pennypost::smtp
