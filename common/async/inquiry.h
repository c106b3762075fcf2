// Evaluates rules that ask slow sources without a thread that waits for them.
//
// Rules are plain functions. What they ask of a SlowSource by Inquiry::ask() is answered at once if
// this inquiry knows the answer; else the question is noted, and the answer is "try later". Who
// runs the evaluation then waits for the answers on the loop and evaluates again with them, until
// no question is open. So an evaluation never blocks, and may be run on the loop's own thread.
//
//   Inquiry inquiry;
//   auto verdict = co_await inquiry.run(loop, [&] { return evaluate(request); });
//
// Outside of an evaluation ask() blocks, until the answer or the source's deadline.
//
// LIMITS  inquiry_questions_max, inquiry_time_max: past them questions get "try later" for good
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>

#include "common/async/slow_source.h"

namespace pennypost {

inline constexpr std::size_t inquiry_questions_max = 1000;
inline constexpr std::chrono::seconds inquiry_time_max{60};

class Inquiry {
 public:
  Inquiry() = default;
  Inquiry(const Inquiry&) = delete;
  Inquiry& operator=(const Inquiry&) = delete;

  /// What `work` gives, asked of the source once for each key. All questions to one source have the
  /// same type.
  template <class T>
  static Result<T> ask(SlowSource& source, const std::string& key,
                       std::function<Result<T>()> work) {
    if (current_ == nullptr) {
      auto call = source.begin<T>(std::move(work));
      source.finish(*call);
      return call->answer();
    }
    Key question(&source, key);
    auto found = current_->asked_.find(question);
    if (found == current_->asked_.end()) {
      TRY_DO(current_->may_ask(source));
      found = current_->asked_.emplace(question, source.begin<T>(std::move(work))).first;
    }
    const auto& call = found->second;
    if (!call->is_finished()) {
      current_->has_open_ = true;
      return Error::temporary("4.3.0", source.name() + ": not answered yet");
    }
    return static_cast<const SlowSource::Call<T>&>(*call).answer();
  }

  /// One evaluation on the calling thread; has_open() then says whether it lacked an answer.
  template <class Function>
  std::invoke_result_t<Function&> evaluate(Function& function) {
    Scope scope(*this);
    return function();
  }
  bool has_open() const { return has_open_; }
  /// Waits until all that was asked is answered or given up.
  Task<> answer(Loop& loop);

  /// co_await inquiry.run(loop, [&] { ... }): evaluates until no question is open. What the
  /// function refers to must outlive the await.
  template <class Function>
  Task<std::invoke_result_t<Function&>> run(Loop& loop, Function function) {
    for (;;) {
      auto value = evaluate(function);
      if (!has_open_) co_return value;
      co_await answer(loop);
    }
  }

 private:
  using Key = std::pair<SlowSource*, std::string>;
  class Scope {
   public:
    explicit Scope(Inquiry& inquiry) : outer_(std::exchange(current_, &inquiry)) {
      inquiry.has_open_ = false;
    }
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;
    ~Scope() { current_ = outer_; }

   private:
    Inquiry* outer_;
  };
  Result<void> may_ask(const SlowSource& source) const;

  /// The evaluation on this thread.
  static thread_local Inquiry* current_;
  std::map<Key, std::shared_ptr<SlowSource::AnyCall>> asked_;
  bool has_open_ = false;
  SteadyTime begun_ = std::chrono::steady_clock::now();
};

}  // namespace pennypost
