mod data;
mod dst;
mod places;
mod property;
mod rows;
mod rule_choice;
mod world;
