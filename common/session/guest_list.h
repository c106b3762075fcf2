// Keeps a process's sessions by age, and makes room for a new one by sending the oldest stranger
// away.
//
// A stranger is a session that has shown no good reason for being here yet: it has not logged in,
// nor begun a mail transaction. When as many sessions are held as may be, strangers go in the order
// of their arrival, so that connections kept open for nothing never shut anybody out; a session
// that is no stranger is never sent away.
#pragma once

#include <cstddef>
#include <list>

#include "common/async/loop.h"
#include "common/async/task.h"

namespace pennypost {

/// A session as the list sees it.
class Guest {
 public:
  virtual ~Guest() = default;
  /// Once true it stays true.
  virtual bool is_stranger() const = 0;
  /// Tells the client, without waiting, that it has to go; its session is destroyed next.
  virtual void say_no_room() = 0;
};

class GuestList {
 public:
  explicit GuestList(Loop& loop) : loop_(loop), left_(loop) {}
  GuestList(const GuestList&) = delete;
  GuestList& operator=(const GuestList&) = delete;

  /// A guest's place in the list, for as long as it lives.
  class Stay;
  std::size_t size() const { return strangers_.size() + others_.size(); }
  /// Ends the session of the oldest stranger: its frames are destroyed before this returns. False
  /// where there is none. Must not be called from within a session.
  bool send_oldest_away();
  /// Told when one of them has left; those who make room by other means tell it as well.
  Event& left() { return left_; }
  template <class Function>
  void for_each(Function function) const {
    for (const Stay* stay : strangers_) function(*stay);
    for (const Stay* stay : others_) function(*stay);
  }

 private:
  Loop& loop_;
  Event left_;
  std::list<Stay*> strangers_;  // as of the last look, the oldest first
  std::list<Stay*> others_;
};

class GuestList::Stay {
 public:
  Stay(GuestList& list, Guest& guest)
      : list_(list), guest_(guest), at_(list.strangers_.insert(list.strangers_.end(), this)) {}
  Stay(const Stay&) = delete;
  Stay& operator=(const Stay&) = delete;
  ~Stay();

  Guest& guest() const { return guest_; }
  /// Runs the session; false when it was sent away before its end.
  Task<bool> serve(Task<> session);

 private:
  friend class GuestList;
  class Serving;
  GuestList& list_;
  Guest& guest_;
  std::list<Stay*>::iterator at_;
  bool is_among_others_ = false;
  Serving* serving_ = nullptr;
};

}  // namespace pennypost
