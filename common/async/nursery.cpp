#include "common/async/nursery.h"

#include <utility>

namespace pennypost {

struct Nursery::Root {
  struct promise_type {
    Root get_return_object() {
      return Root{std::coroutine_handle<promise_type>::from_promise(*this)};
    }
    std::suspend_always initial_suspend() noexcept { return {}; }
    std::suspend_always final_suspend() noexcept { return {}; }
    void return_void() {}
    void unhandled_exception() noexcept { panic("exception out of a nursery", __FILE__, __LINE__); }
  };
  std::coroutine_handle<promise_type> handle;
};

struct Nursery::Child {
  Child() = default;
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() {
    if (handle) handle.destroy();
  }
  std::coroutine_handle<> handle;
};

Nursery::Nursery(Loop& loop) : changed_(loop) {}
Nursery::~Nursery() { cancel(); }

Nursery::Root Nursery::run(Task<> task, std::list<Child>::iterator self) {
  try {
    co_await std::move(task);
  } catch (...) {
    ASSERT(on_exception_ != nullptr);
    on_exception_(std::current_exception());
  }
  task.cancel();
  ended_.splice(ended_.end(), children_, self);
  --running_;
  changed_.notify_all();
}

void Nursery::start(Task<> task) {
  reap();
  auto self = children_.emplace(children_.end());
  auto root = run(std::move(task), self);
  self->handle = root.handle;
  ++running_;
  detail::resume_chain(root.handle);
}

Task<> Nursery::join() {
  while (running_ > 0) co_await changed_.wait();
}

void Nursery::cancel() {
  children_.clear();
  ended_.clear();
  running_ = 0;
  changed_.notify_all();
}

void Nursery::reap() {
  for (auto child = ended_.begin(); child != ended_.end();) {
    bool at_end = child->handle && child->handle.done();
    child = at_end ? ended_.erase(child) : std::next(child);
  }
}

}  // namespace pennypost
