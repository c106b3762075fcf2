#include "common/async/loop.h"

#include <uv.h>

#include <atomic>
#include <cstdlib>
#include <semaphore>
#include <string>

namespace pennypost {
namespace {

constexpr int burst_max = 256;

}  // namespace

struct Loop::State {
  uv_loop_t uv;
  uv_timer_t timer;
  WaiterList ready;
  WaiterList at_turn_end;
  std::function<void()> on_turn_end;
  std::multimap<SteadyTime, Timer*> timers;
  SteadyTime now = std::chrono::steady_clock::now();
  SteadyTime timer_set_for = SteadyTime::max();
  bool stopping = false;
};

Loop::Loop() : state_(std::make_unique<State>()) {
  ASSERT(uv_loop_init(&state_->uv) == 0);
  uv_timer_init(&state_->uv, &state_->timer);
}

Loop::~Loop() {
  uv_close(reinterpret_cast<uv_handle_t*>(&state_->timer), nullptr);
  // All owners of handles have closed them by now; only the close callbacks are left.
  uv_walk(
      &state_->uv, [](uv_handle_t* handle, void*) { ASSERT(uv_is_closing(handle) != 0); }, nullptr);
  uv_run(&state_->uv, UV_RUN_DEFAULT);
  ASSERT(uv_loop_close(&state_->uv) == 0);
}

void Loop::run() {
  state_->stopping = false;
  while (!state_->stopping) {
    run_ready();
    end_turn();
    if (state_->stopping) break;
    // The only libuv timer is set for our earliest timer.
    auto first = state_->timers.empty() ? SteadyTime::max() : state_->timers.begin()->first;
    if (first != state_->timer_set_for) {
      state_->timer_set_for = first;
      if (first == SteadyTime::max()) {
        uv_timer_stop(&state_->timer);
      } else {
        uv_update_time(&state_->uv);
        auto left = std::chrono::ceil<Duration>(first - std::chrono::steady_clock::now()).count();
        // uv_run() checks timers before it waits; if the timer fires then, it must not wait.
        uv_timer_start(
            &state_->timer, [](uv_timer_t* timer) { uv_stop(timer->loop); },
            left > 0 ? static_cast<std::uint64_t>(left) : 0, 0);
      }
    }
    bool waits = state_->ready.empty() && state_->at_turn_end.empty();
    if (waits && uv_loop_alive(&state_->uv) == 0) break;
    uv_run(&state_->uv, waits ? UV_RUN_ONCE : UV_RUN_NOWAIT);
    state_->now = std::chrono::steady_clock::now();
    while (!state_->timers.empty() && state_->timers.begin()->first <= state_->now) {
      Timer* timer = state_->timers.begin()->second;
      timer->stop();
      timer->callback_();
    }
    // It may have fired a millisecond early; then it must be set again.
    if (uv_is_active(reinterpret_cast<uv_handle_t*>(&state_->timer)) == 0) {
      state_->timer_set_for = SteadyTime::max();
    }
  }
}

void Loop::stop() { state_->stopping = true; }

void Loop::run_ready() {
  for (int i = 0; i < burst_max && !state_->stopping; ++i) {
    Waiter* waiter = state_->ready.pop();
    if (waiter == nullptr) return;
    detail::resume_chain(waiter->handle);
  }
}

/// Tasks that begin to wait for the end of a turn from here on wait for the next one.
void Loop::end_turn() {
  if (state_->on_turn_end) state_->on_turn_end();
  WaiterList waiting;
  while (Waiter* waiter = state_->at_turn_end.pop()) waiting.push(*waiter);
  while (Waiter* waiter = waiting.pop()) {
    if (state_->stopping) {
      state_->at_turn_end.push(*waiter);  // for the next run()
    } else {
      detail::resume_chain(waiter->handle);
    }
  }
}

void Loop::on_turn_end(std::function<void()> handler) { state_->on_turn_end = std::move(handler); }

void Loop::wake_at_turn_end(Waiter& waiter) { state_->at_turn_end.push(waiter); }

void Loop::wake(Waiter& waiter) { state_->ready.push(waiter); }

SteadyTime Loop::now() const { return state_->now; }

void Loop::set_offload_threads(unsigned count) {
  ASSERT(count >= 1 && count <= 128);
  setenv("UV_THREADPOOL_SIZE", std::to_string(count).c_str(), 1);
}

// Timer

void Timer::start(SteadyTime when) {
  stop();
  position_ = loop_.state_->timers.emplace(when, this);
}

void Timer::stop() {
  if (position_) loop_.state_->timers.erase(*std::exchange(position_, std::nullopt));
}

// Work: the libuv request outlives the coroutine frame only if the frame does not wait for it.

struct Loop::Work::State {
  uv_work_t request;
  Work* work;  // null if its task was destroyed
  std::binary_semaphore done{0};
};

void Loop::Work::submit(std::coroutine_handle<> handle) {
  waiter_.handle = handle;
  state_ = new State;
  state_->work = this;
  state_->request.data = state_;
  int status = uv_queue_work(
      &loop_.state_->uv, &state_->request,
      [](uv_work_t* request) {
        auto* state = static_cast<State*>(request->data);
        state->work->run();
        state->done.release();
      },
      [](uv_work_t* request, int) {
        auto* state = static_cast<State*>(request->data);
        if (state->work != nullptr) {
          state->work->state_ = nullptr;
          state->work->loop_.wake(state->work->waiter_);
        }
        delete state;
      });
  ASSERT(status == 0);
}

void Loop::Work::wait_for_thread() {
  if (state_ == nullptr) return;
  // Work that no thread has begun is cancelled; otherwise the thread still uses the frame, so wait.
  if (uv_cancel(reinterpret_cast<uv_req_t*>(&state_->request)) != 0) state_->done.acquire();
  state_->work = nullptr;
  state_ = nullptr;
}

// Signal

struct Signal::Handle {
  uv_async_t uv;
  Signal* signal;
};

Signal::Signal(Loop& loop) : loop_(loop), handle_(new Handle) {
  handle_->signal = this;
  handle_->uv.data = handle_;
  int status = uv_async_init(&loop.state_->uv, &handle_->uv, [](uv_async_t* uv) {
    Signal* signal = static_cast<Handle*>(uv->data)->signal;
    if (signal == nullptr) return;
    signal->was_raised_ = true;
    if (signal->waiter_ != nullptr) signal->loop_.wake(*std::exchange(signal->waiter_, nullptr));
  });
  ASSERT(status == 0);
  uv_unref(reinterpret_cast<uv_handle_t*>(&handle_->uv));
}

Signal::~Signal() {
  ASSERT(waiter_ == nullptr);
  handle_->signal = nullptr;
  uv_close(reinterpret_cast<uv_handle_t*>(&handle_->uv),
           [](uv_handle_t* closed) { delete static_cast<Handle*>(closed->data); });
}

void Signal::raise() { ASSERT(uv_async_send(&handle_->uv) == 0); }

void Signal::Wait::await_suspend(std::coroutine_handle<> handle) {
  ASSERT(signal_.waiter_ == nullptr);
  waiter_.handle = handle;
  signal_.waiter_ = &waiter_;
}

Signal::Wait::~Wait() {
  if (signal_.waiter_ == &waiter_) signal_.waiter_ = nullptr;
}

// Poll

struct Poll::Handle {
  uv_poll_t uv;
  Poll* poll;
};

Poll::Poll(Loop& loop, int descriptor) : loop_(loop), handle_(new Handle) {
  handle_->poll = this;
  handle_->uv.data = handle_;
  int status = uv_poll_init(&loop.state_->uv, &handle_->uv, descriptor);
  ASSERT(status == 0);
}

Poll::~Poll() {
  ASSERT(reader_ == nullptr && writer_ == nullptr);
  handle_->poll = nullptr;
  uv_close(reinterpret_cast<uv_handle_t*>(&handle_->uv),
           [](uv_handle_t* closed) { delete static_cast<Handle*>(closed->data); });
}

Poll::Ready Poll::ready(Event event, SteadyTime deadline) { return Ready(*this, event, deadline); }

void Poll::update() {
  // Interest stays registered while no task waits, until an event arrives for nobody. So a session
  // that answers and waits again costs no epoll_ctl.
  int wanted =
      active_ | (reader_ != nullptr ? UV_READABLE : 0) | (writer_ != nullptr ? UV_WRITABLE : 0);
  if (wanted == active_) return;
  active_ = wanted;
  uv_poll_start(&handle_->uv, active_, [](uv_poll_t* uv, int status, int events) {
    Poll* poll = static_cast<Handle*>(uv->data)->poll;
    if (poll == nullptr) return;
    if (status < 0) events = UV_READABLE | UV_WRITABLE;
    int in_vain = 0;
    for (auto [slot, bit] : {std::pair(&poll->reader_, int{UV_READABLE}),
                             std::pair(&poll->writer_, int{UV_WRITABLE})}) {
      if ((events & bit) == 0) continue;
      if (*slot == nullptr) {
        in_vain |= bit & poll->active_;
      } else {
        Ready* ready = std::exchange(*slot, nullptr);
        poll->loop_.wake(ready->waiter_);
      }
    }
    // Writability is rarely needed but reported all the time, so its interest is dropped at once.
    in_vain |= poll->active_ & UV_WRITABLE;
    if (status < 0) in_vain = poll->active_;
    if (in_vain == 0) return;
    poll->active_ &= ~in_vain;
    uv_poll_stop(uv);
    if (poll->active_ != 0) {
      int rest = std::exchange(poll->active_, 0);
      uv_poll_start(uv, rest, uv->poll_cb);
      poll->active_ = rest;
    }
  });
}

void Poll::Ready::await_suspend(std::coroutine_handle<> handle) {
  ASSERT(slot() == nullptr);
  waiter_.handle = handle;
  slot() = this;
  if (deadline_ != SteadyTime::max()) {
    timer_.emplace(poll_.loop_, [this] {
      timed_out_ = true;
      if (slot() == this) slot() = nullptr;
      poll_.loop_.wake(waiter_);
    });
    timer_->start(deadline_);
  }
  poll_.update();
}

void Poll::Ready::detach() {
  if (slot() == this) slot() = nullptr;
}

bool Poll::Ready::await_resume() {
  timer_.reset();
  return !timed_out_;
}

}  // namespace pennypost
