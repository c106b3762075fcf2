// Keeps a process's sessions by age, and disconnects the oldest stranger to make room for a new
// one.
//
// A stranger is a session that has neither logged in nor begun a mail transaction yet. When there
// are as many sessions as allowed, strangers are disconnected in the order of their arrival, so
// that idle connections never lock anybody out. Other sessions are never disconnected.
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
  /// Once false it stays false.
  virtual bool is_stranger() const = 0;
  /// Tells the client, without waiting, that it is disconnected; its session is destroyed next.
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
  /// Ends the session of the oldest stranger, whose frames are destroyed before this returns. False
  /// if there is none. Must not be called from within a session.
  bool send_oldest_away();
  /// Notified when a guest has left; code that makes room by other means notifies it as well.
  Event& left() { return left_; }
  template <class Function>
  void for_each(Function function) const {
    for (const Stay* stay : strangers_) function(*stay);
    for (const Stay* stay : others_) function(*stay);
  }

 private:
  Loop& loop_;
  Event left_;
  std::list<Stay*> strangers_;  // when last checked, the oldest first
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
  /// Runs the session; false if it was disconnected before its end.
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
