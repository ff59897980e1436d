mod opening;
mod reasons;
mod scripted;
