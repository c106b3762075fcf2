#include "smtpd/pickup/stopped_queue.h"

#include <unistd.h>

#include "common/log/log.h"
#include "common/net/message_socket.h"
#include "smtpd/pickup/control_server.h"
#include "smtpd/pickup/pickup.h"
#include "smtpd/queue/queue.h"
#include "smtpd/scheduler/scheduler.h"

namespace pennypost::smtp {
namespace {

class StoppedQueue {
 public:
  StoppedQueue(Loop& loop, Queue::Opened opened, std::shared_ptr<const Config> config)
      : opened_(std::move(opened)),
        config_(std::move(config)),
        nobody_(loop, "nobody"),
        scheduler_(loop, *opened_.queue, peers(), Clock::system()),
        pickup_(
            loop, *opened_.queue, scheduler_, [this] { return config_; }, PickupDesk::ask_later(),
            Clock::system()),
        control_(loop, *opened_.queue, scheduler_, pickup_, [this] { return config_; }) {
    for (const auto& warning : opened_.warnings) log_warning("qmgr", warning);
  }

  Task<> serve(Descriptor socket) {
    co_await scheduler_.drain();  // before anything could be tried
    scheduler_.begin(opened_.waiting, !opened_.was_stopped_orderly);
    co_await pickup_.empty_maildrop();
    auto place = control_.try_take_place(::geteuid());
    ASSERT(place.has_value());
    auto work = control_.serve(std::move(socket), *std::move(place));
    co_await std::move(work);
    if (scheduler_.is_all_certain()) co_await opened_.queue->note_orderly_stop();
  }

  void end() {
    control_.end();
    scheduler_.end();
  }

 private:
  Scheduler::Peers peers() {
    Scheduler::Peers peers;
    peers.port = [this](std::string_view) -> Port& { return nobody_; };
    peers.config = [this] { return config_; };
    return peers;
  }

  Queue::Opened opened_;
  std::shared_ptr<const Config> config_;
  Port nobody_;
  Scheduler scheduler_;
  PickupDesk pickup_;
  ControlServer control_;
};

Message first_frame(const Result<void>& opened) {
  Message frame;
  frame.type = opened ? control_reply : control_error;
  if (opened) return frame;
  frame.body = wire::encode(WireError(opened.error()));
  return frame;
}

}  // namespace

void serve_stopped_queue(std::shared_ptr<const Config> config, Descriptor socket) {
  Loop loop;
  auto options = queue_options(*config);
  options.lock_wait = std::chrono::milliseconds(0);  // who asks looks whether smtpd serves now
  auto opened = Queue::open(loop, options, Clock::system());
  auto told = first_frame(opened ? Result<void>() : Result<void>(opened.error()));
  auto sent = send_blocking(socket.number(), std::move(told));
  if (!opened || !sent) return;
  StoppedQueue queue(loop, *std::move(opened), std::move(config));
  loop.run_until(queue.serve(std::move(socket)));
  queue.end();
}

}  // namespace pennypost::smtp
