// Tells the client of a command that takes long how far it is.
//
// What can be counted is told by the command itself, between two steps (give_sign_of_life() of
// context.h). What is one call of the store, as COPY is, can only be said to go on.
//
// STANDARDS  RFC 9585 (INPROGRESS)
#pragma once

#include <string_view>
#include <utility>

#include "common/async/nursery.h"
#include "imapd/session/context.h"

namespace pennypost::imap {

/// Says at intervals that a command is still at work, until it is told that it is not.
class StillWorking {
 public:
  /// Both outlive it.
  StillWorking(SessionContext& context, std::string_view text);

  /// Returns when no line is under way any more.
  Task<> end();

 private:
  Task<> tell();
  Task<> until_ended();

  SessionContext& context_;
  std::string_view text_;
  Event ended_;
  bool is_over_ = false;
  Nursery telling_;
};

/// Runs `work`, which says nothing to the client itself, to its end; meanwhile the client is told
/// now and then that it goes on. `text` outlives it.
template <class T>
Task<T> with_signs_of_life(SessionContext& context, std::string_view text, Task<T> work) {
  StillWorking working(context, text);
  auto result = co_await std::move(work);
  co_await working.end();
  co_return result;
}

}  // namespace pennypost::imap
