// What the master knows of one of its processes. For the files that define Master's members.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "common/process/master.h"

namespace pennypost {

struct Master::Process {
  const Kind* kind = nullptr;
  std::string instance;
  std::optional<Identity> identity;
  bool is_shared = false;  // as of its Demand
  pid_t pid = 0;
  std::shared_ptr<Link> link;
  std::optional<std::size_t> connections;  // its slice of the table
  SteadyTime started;
  bool is_draining = false;
  bool is_asked = false;  // to make room; it has not answered yet, and gets nothing new until then

  std::string port_name() const {
    return kind->number == Kind::Number::OnDemand ? kind->name + ":" + instance : kind->name;
  }
  bool may_be_asked() const { return !is_draining && !is_asked && link->is_up(); }
};

}  // namespace pennypost
